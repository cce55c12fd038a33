import type { Fence } from './fence.ts'

const SCHEDULES = 'sql/migrations/0020_schedules.sql'
const TESTS = 'test/maintenance/scheduler.test.ts'

export const schedules: readonly Fence[] = [
  {
    name: 'schedules-fire-by-what-they-are',
    against: 'A tick fires that somebody has moved, by what a process read before.',
    cuts: [
      {
        file: SCHEDULES,
        text: ' and each.revision = p_revision and each.next_tick',
        instead: ' and each.next_tick',
      },
    ],
    test: {
      file: TESTS,
      name: 'does not fire by what the schedule was before it was changed, paused or deleted',
    },
  },
  {
    name: 'schedules-fire-by-the-databases-clock',
    against: 'A process that believes it to be later fires ticks that are to come.',
    cuts: [
      { file: SCHEDULES, text: 's.next_tick > v_now or p_following', instead: 'p_following' },
      { file: SCHEDULES, text: 'not between s.next_tick and v_now', instead: '< s.next_tick' },
    ],
    test: { file: TESTS, name: 'does not fire before its time, by this clock and no other' },
  },
  {
    name: 'schedules-have-each-tick-once',
    against: 'A schedule that is made anew, or a clock that went back, fires what has fired.',
    cuts: [
      {
        file: SCHEDULES,
        text: `    on conflict do nothing;
    continue when not found;`,
        instead: '    on conflict (schedule, tick) do update set fired_at = excluded.fired_at;',
      },
    ],
    test: {
      file: TESTS,
      name: 'does not fire again for a schedule that is made anew under the same name',
    },
  },
  {
    name: 'schedules-are-those-of-the-newest-code',
    against: 'A process of old code that starts again during a deploy brings its schedules back.',
    cuts: [
      {
        file: SCHEDULES,
        text: 'and newest.seen_at > mine.seen_at) then',
        instead: 'and false) then',
      },
    ],
    test: {
      file: 'test/journeys/schedules.test.ts',
      name: 'of new code holds while old code runs and starts again, and can be taken back',
    },
  },
  {
    name: 'schedules-wait-for-newer-code-that-stalls',
    against: 'Old code deletes what newer code declares because that lost its lease for a moment.',
    cuts: [
      {
        file: SCHEDULES,
        text: `g.silent_at > clock_timestamp() - interval '5 minutes'`,
        instead: 'false',
      },
    ],
    test: {
      file: 'test/store/declared-schedules.test.ts',
      name: 'that falls silent holds: its schedules and what people did to them wait for it',
    },
  },
]
