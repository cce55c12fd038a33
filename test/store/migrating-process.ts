// Run as a process of its own by migrate.test.ts: migrates the database of its argument.
import { KongTask } from '../../src/index.ts'

await using kong = new KongTask({ connectionString: process.argv[2] ?? '' })
await kong.migrate()
