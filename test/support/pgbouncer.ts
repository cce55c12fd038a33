// A PgBouncer in transaction mode before a server of ours, on loopback, gone with whoever started it.
import { spawn, type ChildProcess } from 'node:child_process'
import { access, chmod, chown, constants, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { runCommand } from '../../src/embedded/command.ts'
import { freePort } from '../../src/embedded/free-port.ts'
import { chooseRunAs } from '../../src/embedded/run-as.ts'
import { withClient } from './run-databases.ts'
import { eventually } from './wait.ts'

export interface PgBouncer extends AsyncDisposable {
  readonly port: number
  /** As it calls itself: `PgBouncer 1.18.0`. */
  readonly version: string
}

export interface PgBouncerOptions {
  /** Of a user with a password in it, who may do anything: the same user and password open the pooler. */
  readonly server: string
  /** Connections to the server for each database and user. */
  readonly poolSize: number
}

/** The program; undefined where the machine has none. Debian puts it where only root's PATH leads. */
export async function findPgBouncer(): Promise<string | undefined> {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  for (const folder of folders) {
    const file = join(folder, 'pgbouncer')
    const isThere = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (isThere) return file
  }
  return undefined
}

export async function startPgBouncer(program: string, options: PgBouncerOptions): Promise<PgBouncer> {
  const { stdout } = await runCommand(program, ['--version'])
  const folder = await mkdtemp(join(tmpdir(), 'kongtask-pgbouncer-'))
  const port = await freePort()
  // Like PostgreSQL, it refuses to run as root.
  const as = await chooseRunAs()
  const files = { 'users.txt': usersFile(options), 'pgbouncer.ini': settingsFile(options, folder, port) }
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(folder, name), text, { mode: 0o600 })
    if (as.uid !== undefined && as.gid !== undefined) await chown(join(folder, name), as.uid, as.gid)
  }
  await chmod(folder, 0o755)
  // The shell ends it when our end of the pipe is closed, be it because we are no more.
  const keep = '"$0" --quiet "$1" & cat > /dev/null; kill -QUIT $!; wait'
  const keeper = spawn('sh', ['-c', keep, program, join(folder, 'pgbouncer.ini')], {
    ...as,
    stdio: ['pipe', 'inherit', 'inherit'],
    cwd: '/',
  })
  const pooled = new URL(options.server)
  pooled.port = String(port)
  const stop = async (): Promise<void> => {
    await endOf(keeper)
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await eventually(() => withClient(pooled.href, (client) => client.query('select 1')), { within: 10_000 })
  } catch (error) {
    await stop()
    throw error
  }
  return { port, version: stdout.split('\n')[0] ?? '', [Symbol.asyncDispose]: stop }
}

function usersFile({ server }: PgBouncerOptions): string {
  const { username, password } = new URL(server)
  return `"${decodeURIComponent(username)}" "${decodeURIComponent(password)}"\n`
}

function settingsFile({ server, poolSize }: PgBouncerOptions, folder: string, port: number): string {
  const { hostname, port: serverPort } = new URL(server)
  return `[databases]
* = host=${hostname} port=${serverPort}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${join(folder, 'users.txt')}
pool_mode = transaction
default_pool_size = ${poolSize}
max_client_conn = 1000
; The session that rested longest goes first, so that nobody gets the same one twice in a row by chance.
server_round_robin = 1
query_wait_timeout = 30
log_connections = 0
log_disconnections = 0
log_pooler_errors = 0
`
}

async function endOf(keeper: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => keeper.once('exit', resolve))
  if (keeper.exitCode !== null || keeper.signalCode !== null) return
  keeper.stdin?.end()
  await ended
}
