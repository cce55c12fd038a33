// Layers around handlers. They are joined when a runner starts: a runner without any runs its handlers as they are.
import { KongTaskError } from '../core/errors.ts'
import type { JobContext } from '../core/job-context.ts'
import type { Middleware } from '../core/middleware.ts'
import type { TaskEntry } from '../core/task-list.ts'

/** The task with its handler inside of the layers, the first one outermost. */
export function withMiddleware(task: TaskEntry, layers: readonly Middleware[]): TaskEntry {
  if (layers.length === 0) return task
  return {
    ...task,
    handle: (payload, context) => enter(layers, 0, context, () => task.handle(payload, context)),
  }
}

async function enter(
  layers: readonly Middleware[],
  depth: number,
  context: JobContext,
  handler: () => unknown,
): Promise<unknown> {
  const layer = layers[depth]
  if (layer === undefined) return handler()
  let within: Promise<unknown> | undefined
  let hasEnded = false
  const next = (): Promise<unknown> => {
    if (within !== undefined || hasEnded) return heeded(Promise.reject(misused(hasEnded)))
    within = heeded(enter(layers, depth + 1, context, handler))
    return within
  }
  try {
    return await layer(context, next)
  } finally {
    hasEnded = true
    // Whoever does not wait for what he began must not have it go on beside the next attempt.
    await within?.catch(() => undefined)
  }
}

/** A rejection that a layer does not look at must not end the process. */
function heeded(work: Promise<unknown>): Promise<unknown> {
  work.catch(() => undefined)
  return work
}

function misused(hasEnded: boolean): KongTaskError {
  const why = hasEnded ? 'after it had ended' : 'twice; the handler runs once an attempt'
  return new KongTaskError('KT_MIDDLEWARE_INVALID', `A middleware called \`next\` ${why}.`)
}
