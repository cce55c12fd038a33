import type { AddedJob, NewJob } from '../core/new-job.ts'
import type { Writer } from './writer.ts'

/** Told of each job once it exists. Must not throw. */
export type OnAdded = (added: AddedJob, job: NewJob) => void

/** A writer that tells what it wrote, and nothing of what was undone. */
export function announcing(writer: Writer, onAdded: OnAdded): Writer {
  const announce = (jobs: readonly NewJob[], added: readonly AddedJob[]): void => {
    jobs.forEach((job, index) => {
      const answer = added[index]
      if (answer !== undefined) onAdded(answer, job)
    })
  }
  return {
    one: async (job) => {
      const added = await writer.one(job)
      onAdded(added, job)
      return added
    },
    all: async (chunks) => {
      const added = await writer.all(chunks)
      announce(chunks.flat(), added)
      return added
    },
    inTurn: () => {
      const chunks = writer.inTurn()
      const written: [NewJob[], readonly AddedJob[]][] = []
      return {
        write: async (chunk) => {
          const added = await chunks.write(chunk)
          written.push([[...chunk], added])
          return added
        },
        commit: async () => {
          await chunks.commit()
          for (const [jobs, added] of written) announce(jobs, added)
        },
        rollback: () => chunks.rollback(),
      }
    },
  }
}
