import { describe, expect, it } from 'vitest'
import type { ClaimedJob } from '../store/claim-jobs.ts'
import { ClaimBook } from './claim-book.ts'
import { claimedJob } from '../../test/support/claimed-job.ts'

const of = (claim: number, queueId = 1, id = '1'): ClaimedJob =>
  claimedJob(id, { queueId, lease: { worker: 1, claim } })

/** What the settler does with a batch: asks what it would close, writes, and notes it. */
function settle(book: ClaimBook, ...jobs: readonly ClaimedJob[]): number[] {
  const closed = book.wouldClose(jobs)
  book.settled(jobs)
  return closed
}

describe('the book of claims', () => {
  it('vouches for a claim until the last of its jobs is settled', () => {
    const book = new ClaimBook()
    book.opened([of(1), of(1), of(1)])
    expect(book.claims).toEqual([1])
    expect(settle(book, of(1))).toEqual([])
    expect(book.claims).toEqual([1])
    expect(settle(book, of(1), of(1))).toEqual([1])
    expect(book.claims).toEqual([])
  })

  it('closes each claim of a batch by itself', () => {
    const book = new ClaimBook()
    book.opened([of(1), of(1)])
    book.opened([of(2)])
    book.opened([of(3), of(3)])
    expect(settle(book, of(1), of(2), of(3), of(3))).toEqual([2, 3])
    expect(book.claims).toEqual([1])
  })

  it('closes a claim queue by queue, and vouches for it until the last', () => {
    const book = new ClaimBook()
    book.opened([of(1, 7), of(1, 8), of(1, 8)])
    expect(settle(book, of(1, 7))).toEqual([1])
    expect(book.claims).toEqual([1])
    expect(settle(book, of(1, 8))).toEqual([])
    expect(settle(book, of(1, 8))).toEqual([1])
    expect(book.claims).toEqual([])
  })

  it('changes nothing by being asked', () => {
    const book = new ClaimBook()
    book.opened([of(1)])
    expect([book.wouldClose([of(1)]), book.wouldClose([of(1)])]).toEqual([[1], [1]])
    expect(book.claims).toEqual([1])
  })

  it('knows nothing any more once it is cleared, and survives what is settled afterwards', () => {
    const book = new ClaimBook()
    book.opened([of(1), of(2)])
    book.clear()
    expect(book.claims).toEqual([])
    expect(settle(book, of(1))).toEqual([])
    book.opened([of(3), of(3)])
    expect(settle(book, of(2), of(3))).toEqual([])
    expect(book.claims).toEqual([3])
  })

  it('opens nothing for a claim without jobs', () => {
    const book = new ClaimBook()
    book.opened([])
    expect(book.claims).toEqual([])
  })
})

describe('a job that cannot be settled', () => {
  it('is not vouched for once the others of its claim are settled, and its claim is not closed over it', () => {
    const book = new ClaimBook()
    book.opened([of(1), of(1)])
    book.disowned([of(1)])
    expect(book.claims).toEqual([1])
    expect(settle(book, of(1))).toEqual([])
    expect(book.claims).toEqual([])
  })

  it('is not vouched for at once, where it was the last', () => {
    const book = new ClaimBook()
    book.opened([of(1), of(1)])
    settle(book, of(1))
    book.disowned([of(1)])
    expect(book.claims).toEqual([])
  })

  it('leaves other claims as they are', () => {
    const book = new ClaimBook()
    book.opened([of(1), of(2), of(2)])
    book.disowned([of(1)])
    expect(book.claims).toEqual([2])
    expect(settle(book, of(2), of(2))).toEqual([2])
  })
})
