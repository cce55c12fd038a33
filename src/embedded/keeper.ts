import { spawn } from 'node:child_process'
import { commandEnvironment } from './command.ts'
import type { RunAs } from './run-as.ts'

// The keeper is the server's parent and outlives ours: a shell, because that needs no second Node.js and no file of
// its own, works the same from source and from dist/, and a `killall node` passes it by. It is in two halves. One
// reads the holds and stops the server when the last is let go or its holder is dead; the other waits for the
// server, whatever ended it, and then removes the run folder. The rest is in the script's own comments.
const SCRIPT = `
run=$1 how=$2
shift 2
cd "$run" || exit 1

# Opening the pipe for both ways cannot block, even if whoever started us is dead by now.
exec 3<>holds 4<holds 3>&-
"$@" 4<&- &
server=$!

(
  while read -r hold; do : >"$hold"; done
  # From here on nobody can take a hold; who came too late sees it by the missing pipe.
  rm -f holds
  kill "-$how" $server
  seconds=0
  while kill -0 $server; do
    sleep 1
    seconds=$((seconds + 1))
    case $seconds in 60) kill -QUIT $server ;; 70) kill -KILL $server ;; esac
  done
) <&4 4<&- 2>/dev/null &
stopper=$!
exec 4<&-

wait $server
code=$?
kill $stopper 2>/dev/null
cd /
rm -rf "$run"
exit $code
`

export interface Keeper {
  /** Undefined while it runs. */
  readonly exitCode: number | undefined
}

export interface KeeperOptions {
  readonly runFolder: string
  /** The signal that stops the server: INT lets it write everything down, QUIT does not. */
  readonly how: 'INT' | 'QUIT'
  readonly command: readonly string[]
  readonly as: RunAs
  /** File descriptor for all that the server says. */
  readonly log: number
}

/** Starts the command below a keeper, in a session of its own: Ctrl-C in the user's terminal is not for the server. */
export function startKeeper({ runFolder, how, command, as, log }: KeeperOptions): Keeper {
  const keeper: { exitCode: number | undefined } = { exitCode: undefined }
  const child = spawn('/bin/sh', ['-c', SCRIPT, 'kongtask-keeper', runFolder, how, ...command], {
    ...as,
    cwd: '/',
    detached: true,
    env: commandEnvironment(),
    stdio: ['ignore', log, log],
  })
  child.unref()
  child.once('exit', (code) => {
    keeper.exitCode = code ?? -1
  })
  child.once('error', () => {
    keeper.exitCode = -1
  })
  return keeper
}
