import type { Fence } from './fence.ts'

const INTERRUPTED = 'test/import/interrupted.test.ts'
const HALFWAY = 'loses nothing and brings nothing twice (where a statement fails that was done: %s)'

export const importing: readonly Fence[] = [
  {
    name: 'import-remembers',
    against: 'An import from another database that died between its two commits brings the same jobs again.',
    cuts: [
      {
        file: 'sql/migrations/0022_imports.sql',
        text: 'where e.key is null or e.nth = 1 and e.key in (select taken.key from taken);',
        instead: 'where e.key is null or e.nth = 1;',
      },
    ],
    test: { file: INTERRUPTED, name: HALFWAY },
  },
  {
    name: 'import-arrives-before-it-leaves',
    against:
      'An import from another database that dies between its two commits has removed jobs there that are not here.',
    cuts: [
      {
        file: 'src/import/passage.ts',
        text: '    if (from !== into) await into.commit()\n    await remove(from)\n    await from.commit()\n',
        instead:
          '    await remove(from)\n    await from.commit()\n    if (from !== into) await into.commit()\n',
      },
    ],
    test: { file: INTERRUPTED, name: HALFWAY },
  },
  {
    name: 'import-leaves-what-has-not-come',
    against: 'A job whose unique key somebody has here is removed there, and lost.',
    cuts: [
      {
        file: 'src/import/move-jobs.ts',
        text: "return arrived !== undefined && arrived.status !== 'skipped'",
        instead: 'return arrived !== undefined',
      },
    ],
    test: {
      file: 'test/import/graphile-worker.test.ts',
      name: 'leaves a job whose unique key somebody has here, and takes it when that is over',
    },
  },
]
