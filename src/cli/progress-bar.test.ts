import { expect, it } from 'vitest'
import { progressBar } from './progress-bar.ts'

it.each([
  [0, 200, 'importing  [                        ]  0 %  (0 of 200)'],
  [50, 200, 'importing  [######                  ]  25 %  (50 of 200)'],
  [199, 200, 'importing  [########################]  99 %  (199 of 200)'],
  [250, 200, 'importing  [########################]  100 %  (250 of 200)'],
  [0, 0, 'importing  [                        ]  0 %  (0 of 0)'],
])('%i of %i', (done, total, bar) => {
  expect(progressBar('importing', done, total)).toBe(bar)
})
