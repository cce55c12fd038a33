/** What becomes of a job or schedule. `before`: an import before this one brought it. */
export type Outcome = 'moved' | 'before' | 'left'

/** One job of which something is to be said. */
export interface JobNote {
  readonly id: string
  /** What its task is called there. */
  readonly task: string
  readonly outcome: Outcome
  /** Why it was left, or what of it has no counterpart here. */
  readonly notes: readonly string[]
}

/** The jobs of one task. */
export interface TaskReport {
  /** What it is called there, and here. */
  readonly task: string
  readonly as: string
  readonly moved: number
  readonly before: number
  readonly left: number
}

/** What is to be said about several jobs of a task. */
export interface NoteReport {
  readonly task: string
  readonly outcome: Outcome
  readonly note: string
  readonly count: number
  /** The first of them. */
  readonly ids: readonly string[]
}

export interface ScheduleReport {
  readonly name: string
  readonly expression: string
  readonly outcome: Outcome
  readonly notes: readonly string[]
}

/** What an import did, or would do. */
export interface ImportReport {
  readonly source: string
  readonly dryRun: boolean
  readonly moved: number
  readonly before: number
  readonly left: number
  /** Jobs that the other system is running, or had taken for it: not touched. */
  readonly running: number
  /** Jobs that the other system had given up: not touched. */
  readonly over: number
  readonly tasks: readonly TaskReport[]
  readonly notes: readonly NoteReport[]
  readonly schedules: readonly ScheduleReport[]
  /** What a person has to know or do, as sentences. */
  readonly hints: readonly string[]
}

/** Ids that are named with a note, and notes that are kept. */
const MOST_IDS = 5
const MOST_NOTES = 1_000

type Counts = { -readonly [Member in keyof TaskReport]: TaskReport[Member] }
interface Noted extends Omit<NoteReport, 'count' | 'ids'> {
  count: number
  readonly ids: string[]
}

/** Counts along. Holds no more than there are tasks and kinds of notes. */
export class ImportTally {
  readonly #tasks = new Map<string, Counts>()
  readonly #notes = new Map<string, Noted>()
  readonly #schedules: ScheduleReport[] = []
  readonly #onNote: ((note: JobNote) => void) | undefined

  /** @param onNote told of each job of which something is to be said */
  constructor(onNote?: (note: JobNote) => void) {
    this.#onNote = onNote
  }

  add(job: JobNote, as: string): void {
    const { task, outcome, notes, id } = job
    const counts = this.#countsOf(task, as)
    counts[outcome]++
    for (const note of notes) {
      const noted = this.#noteOf(task, outcome, note)
      noted.count++
      if (noted.ids.length < MOST_IDS) noted.ids.push(id)
    }
    if (notes.length > 0) this.#onNote?.(job)
  }

  addSchedule(schedule: ScheduleReport): void {
    this.#schedules.push(schedule)
  }

  /** Jobs that were looked at. */
  get done(): number {
    return this.#sum('moved') + this.#sum('before') + this.#sum('left')
  }

  report(rest: Pick<ImportReport, 'source' | 'dryRun' | 'running' | 'over' | 'hints'>): ImportReport {
    const tasks = [...this.#tasks.values()].toSorted((a, b) => (a.task < b.task ? -1 : 1))
    const [moved, before, left] = [this.#sum('moved'), this.#sum('before'), this.#sum('left')]
    return {
      ...rest,
      moved,
      before,
      left,
      tasks,
      notes: [...this.#notes.values()],
      schedules: this.#schedules,
    }
  }

  #sum(outcome: Outcome): number {
    return [...this.#tasks.values()].reduce((sum, counts) => sum + counts[outcome], 0)
  }

  #countsOf(task: string, as: string): Counts {
    const key = JSON.stringify([task, as])
    let counts = this.#tasks.get(key)
    if (counts === undefined) {
      counts = { task, as, moved: 0, before: 0, left: 0 }
      this.#tasks.set(key, counts)
    }
    return counts
  }

  #noteOf(task: string, outcome: Outcome, note: string): Noted {
    const key = JSON.stringify([task, outcome, note])
    let noted = this.#notes.get(key)
    if (noted !== undefined) return noted
    const isFull = this.#notes.size >= MOST_NOTES
    noted = { task, outcome, note: isFull ? 'and more, of other kinds' : note, count: 0, ids: [] }
    const kept = isFull ? JSON.stringify([task, outcome, noted.note]) : key
    noted = this.#notes.get(kept) ?? noted
    this.#notes.set(kept, noted)
    return noted
  }
}
