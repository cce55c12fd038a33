import type { KongTask } from '../client/client.ts'
import type { ScheduleInfo } from '../core/schedule-info.ts'
import type { Project } from '../project/read-project.ts'
import type { CommandContext, GivenOptions } from './command.ts'
import { EXIT } from './exit-codes.ts'
import { checkKnownName } from './known-name.ts'
import { readGivenProject } from './project-options.ts'
import { withClient } from './with-client.ts'

/** Runs `work` with the schedule of that name. @throws KT_SCHEDULE_NOT_FOUND, with what was probably meant */
export async function withKnownSchedule(
  name: string,
  given: GivenOptions,
  context: CommandContext,
  work: (kong: KongTask, info: ScheduleInfo, project: Project) => Promise<void>,
): Promise<typeof EXIT.done> {
  const project = await readGivenProject(given, context, ['tasks'])
  return withClient(project, context, async (kong) => {
    const info = await kong.schedules.get(name)
    if (info === undefined) await checkKnownSchedule(name, kong)
    else await work(kong, info, project)
    return EXIT.done
  })
}

/** @throws KT_SCHEDULE_NOT_FOUND */
export async function checkKnownSchedule(name: string, kong: Pick<KongTask, 'schedules'>): Promise<void> {
  checkKnownName(name, await kong.schedules.list(), { kind: 'schedule', code: 'KT_SCHEDULE_NOT_FOUND' })
}
