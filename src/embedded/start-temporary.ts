import { join } from 'node:path'
import { initialiseCluster, makePassword } from './cluster.ts'
import { findBinaries } from './find-binaries.ts'
import { launch, type Plan } from './launch.ts'
import { chooseRunAs } from './run-as.ts'
import { sweepRunFolders } from './run-folder.ts'
import { type EmbeddedPostgres, handOver } from './running-server.ts'

/** A server with a new cluster, all of it in the run folder, so that everything goes when the server does. */
export async function startTemporary(plan: Plan): Promise<EmbeddedPostgres> {
  const { source, signal } = plan
  const as = await chooseRunAs()
  await sweepRunFolders(as)
  const binaries = await findBinaries({ source, as })
  for (;;) {
    const password = makePassword()
    const prepare = async (folder: string) => {
      await initialiseCluster({ folder, bin: binaries.bin, as, password, durable: false, signal })
      return { data: join(folder, 'data'), logFile: join(folder, 'server.log') }
    }
    // QUIT, because nobody will miss what a graceful stop would still write down.
    const launched = await launch({ plan, as, binaries, how: 'QUIT', prepare })
    if (launched.kind !== 'running') continue
    return handOver({ ...launched, password, dataDir: launched.hold.runFolder })
  }
}
