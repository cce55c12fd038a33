import { examineIndexes } from '../../store/examine.ts'
import { finding, type Finding } from '../finding.ts'
import type { Patient } from '../patient.ts'
import { psql } from '../shell.ts'

export async function checkIndexes({ db, schema }: Patient): Promise<readonly Finding[]> {
  const faults = await examineIndexes(db, schema)
  if (faults.length === 0)
    return [finding('indexes', 'indexes_sound', 'Each index is there, and can be used.')]
  return faults.map(({ name, fault, remedy }) =>
    fault === 'missing'
      ? finding('indexes', 'index_missing', `The index ${name} is missing.`, {
          remedy: 'Make it again; what is there goes on meanwhile.',
          command: psql(remedy),
        })
      : finding(
          'indexes',
          'index_invalid',
          `The index ${name} is invalid: it costs each write, and nothing is found by it.`,
          { remedy: 'Build it anew; what is there goes on meanwhile.', command: psql(remedy) },
        ),
  )
}
