// The first minute of somebody who has nothing: an empty folder, an empty cache of npm, no database. Packs the package, and
// does with the tarball what the README says: init, dev, add. Prints how long each step took, and fails beyond a minute.
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const LIMIT = 60_000
const root = fileURLToPath(new URL('..', import.meta.url))
const execute = promisify(execFile)

const machine = await mkdtemp(join(tmpdir(), 'kongtask-first-minute-'))
const folder = join(machine, 'my-jobs')
await mkdir(folder)
// Where this runs as root, the server runs as somebody else, who has to get in.
await chmod(machine, 0o755)
const env = freshEnvironment()
let dev: ChildProcess | undefined
try {
  await execute('npm', ['pack', '--pack-destination', machine], { cwd: root })
  const [name = ''] = (await readdir(machine)).filter((file) => file.endsWith('.tgz'))
  const tarball = join(machine, name)

  const start = performance.now()
  const kongtask = (...args: string[]) => execute('npx', ['kongtask', ...args], { cwd: folder, env })
  await step('npx kongtask init', () =>
    execute('npm', ['exec', '--yes', `--package=${tarball}`, '--', 'kongtask', 'init', '--from', tarball], {
      cwd: folder,
      env,
    }),
  )
  await step('npx kongtask dev', startDev)
  const { stdout } = await step('kongtask add', () =>
    kongtask('add', 'hello', '--payload', '{"name":"Ada"}', '--wait', '--json'),
  )
  const took = performance.now() - start
  const { state, result } = JSON.parse(stdout)
  if (state !== 'completed' || result?.greeted !== 'Ada') throw new Error(`The job came to this: ${stdout}`)
  console.log(`${seconds(took)}  the first job has run`)
  if (took > LIMIT) throw new Error(`That is more than ${seconds(LIMIT)}.`)
  await step('Ctrl-C', stopDev)
} catch (error) {
  console.error(error)
  process.exitCode = 1
} finally {
  killDev()
  await rm(machine, { recursive: true, force: true })
}

/** Nothing of this machine: neither npm's cache and settings nor any database. The registry may be a mirror. */
function freshEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) =>
      !/^(?:PG|DATABASE_URL|TEST_DATABASE|KONGTASK|npm_|NODE_|TSX_)/.test(name) ||
      name === 'npm_config_registry',
  )
  return {
    ...Object.fromEntries(kept),
    npm_config_cache: join(machine, 'npm-cache'),
    npm_config_update_notifier: 'false',
    // Whatever server this machine has, a fresh one has none.
    KONGTASK_POSTGRES: 'package',
  }
}

async function startDev(): Promise<void> {
  const child = spawn('npx', ['kongtask', 'dev'], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  dev = child
  let printed = ''
  const ready = new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        printed += text
        if (printed.includes('Ready.')) resolve()
      })
    child.once('error', reject)
    child.once('exit', () => reject(new Error(`kongtask dev has ended:\n${printed}`)))
    const late = (): void =>
      reject(new Error(`kongtask dev is not ready after ${seconds(LIMIT)}:\n${printed}`))
    AbortSignal.timeout(LIMIT).addEventListener('abort', late)
  })
  await ready
}

/** With what it has started in its group. Its worker and its database end when it is gone. */
function killDev(): void {
  if (dev?.pid === undefined) return
  try {
    process.kill(-dev.pid, 'SIGKILL')
  } catch {
    // All of it has ended.
  }
}

/** To all of npx's processes, as the terminal would. */
async function stopDev(): Promise<void> {
  if (dev?.pid === undefined) return
  const gone = once(dev, 'exit')
  process.kill(-dev.pid, 'SIGINT')
  await gone
}

async function step<T>(what: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now()
  const result = await work()
  console.log(`${seconds(performance.now() - start)}  ${what}`)
  return result
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1).padStart(6)} s`
}
