import { EXIT } from './exit-codes.ts'

/** The reason of a command's signal when what it says cannot be written any more. */
export class BrokenOutput extends Error {
  readonly exitCode = EXIT.unheard
  /** Whoever read it has ended, and may have had enough; a full disk has not. */
  readonly isUnread: boolean

  constructor(cause: Error) {
    const isUnread = 'code' in cause && cause.code === 'EPIPE'
    super(
      isUnread
        ? 'Nobody reads any more what it prints, so it has stopped.'
        : `What it prints cannot be written, so it has stopped: ${cause.message}.`,
      { cause },
    )
    this.name = 'BrokenOutput'
    this.isUnread = isUnread
  }
}

/** @throws the BrokenOutput, where that is what ended the command */
export function throwIfBroken(signal: AbortSignal): void {
  const { reason }: { readonly reason: unknown } = signal
  if (reason instanceof BrokenOutput) throw reason
}
