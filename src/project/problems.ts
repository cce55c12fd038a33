import type { ErrorCode } from '../core/error-catalogue.ts'
import { KongTaskError } from '../core/errors.ts'

/** One thing that is wrong in somebody's project. */
export interface Problem {
  /** The file, `KONGTASK_CONCURRENCY`, or `--concurrency`. */
  readonly source: string
  /** The path within it, such as `queues.mail.concurrency`; empty where all of it is meant. */
  readonly path: string
  readonly why: string
}

/** Everything that is wrong, told at once: nobody wants to mend ten mistakes in ten runs. */
export class ProblemsError extends KongTaskError {
  readonly problems: readonly Problem[]

  constructor(code: ErrorCode, title: string, problems: readonly Problem[], cause?: unknown) {
    super(code, `${title}\n${problems.map(line).join('\n')}`, { cause })
    this.problems = problems
  }
}

/** Collects problems while something is read. */
export class Problems {
  readonly #found: Problem[] = []
  #cause: unknown

  add(problem: Problem, cause?: unknown): void {
    this.#found.push(problem)
    this.#cause ??= cause
  }

  /** What `read` returns; undefined where it refuses, which is remembered. */
  attempt<T>(source: string, path: string, read: () => T): T | undefined {
    try {
      return read()
    } catch (error) {
      this.add({ source, path, why: messageOf(error) }, error)
      return undefined
    }
  }

  /** @throws ProblemsError where there are any */
  throwIfAny(code: ErrorCode, title: string): void {
    if (this.#found.length > 0) throw new ProblemsError(code, title, this.#found, this.#cause)
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function line({ source, path, why }: Problem): string {
  // Many messages begin with the option that they are about.
  const isSaid = path === '' || why.includes(`\`${path}\``)
  const [first = '', ...more] = (isSaid ? why : `\`${path}\`: ${why}`).split('\n')
  return [`  ${source}: ${first}`, ...more.map((text) => `    ${text}`)].join('\n')
}
