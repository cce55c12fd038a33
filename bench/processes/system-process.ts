import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Measured } from '../frame/measure.ts'
import { peerNode } from '../peers/peers.ts'
import { isAnswer, type Answer, type WorkOrder } from './work-order.ts'

/** Longer than any load takes. */
const PATIENCE_MS = 600_000

/** Carries out an order in a process of its own, so that no system runs in what another has warmed up or left behind. */
export async function inOwnProcess(order: WorkOrder): Promise<Measured> {
  const isPeer = order.system !== 'kongtask' && order.system !== 'in-memory'
  const program = fileURLToPath(new URL('../systems/run-system.ts', import.meta.url))
  const child = fork(program, isPeer ? { execPath: peerNode(), execArgv: PEER_FLAGS } : {})
  try {
    const answering = answerOf(child)
    child.send(order)
    const answer = await Promise.race([answering, death(child), tooLong()])
    if ('error' in answer) throw new Error(answer.error)
    return answer.measured
  } finally {
    child.kill('SIGKILL')
  }
}

/** Node's own way with TypeScript, which needs nothing but the word that it is new. */
export const PEER_FLAGS = ['--disable-warning=ExperimentalWarning', '--disable-warning=DEP0180']

async function answerOf(child: ChildProcess): Promise<Answer> {
  const [message]: unknown[] = await once(child, 'message')
  if (isAnswer(message)) return message
  throw new TypeError('A process answered what is no answer.')
}

async function tooLong(): Promise<never> {
  await delay(PATIENCE_MS, undefined, { ref: false })
  throw new Error(`It was not done after ${PATIENCE_MS / 60_000} minutes.`)
}

async function death(child: ChildProcess): Promise<never> {
  const [code, signal]: unknown[] = await once(child, 'exit')
  throw new Error(`The process ended with ${String(signal ?? code)} before it had measured anything.`)
}
