import { describe, expect, it } from 'vitest'
import { SCENARIOS } from './scenarios.ts'
import { readTortureOptions } from './torture-options.ts'

describe('the options of a run', () => {
  it('are all scenarios for two minutes, with a seed of its own, where nothing is said', () => {
    const { seed, ...rest } = readTortureOptions({})
    expect(rest).toEqual({
      scenarios: SCENARIOS,
      duration: 120_000,
      lease: 15_000,
      workers: 4,
      connectionString: undefined,
    })
    expect(Number.isSafeInteger(seed)).toBe(true)
  })

  it('name scenarios in any order; they run in theirs, each once', () => {
    const { scenarios } = readTortureOptions({ scenarios: ['all', 'kill', 'all'] })
    expect(scenarios.map(({ name }) => name)).toEqual(['kill', 'all'])
  })

  const wrong: readonly (readonly [object, string, RegExp])[] = [
    [{ scenarios: ['kil'] }, 'KT_OPTION_INVALID', /no scenario "kil"\. Did you mean "kill"\?/],
    [{ duration: '120' }, 'KT_DURATION_INVALID', /not a duration/],
    [{ duration: '10ms' }, 'KT_OPTION_INVALID', /at least 1 s/],
    [{ lease: '10m' }, 'KT_OPTION_INVALID', /from 1 to 60 s/],
    [{ seed: 'x' }, 'KT_OPTION_INVALID', /whole number from 0/],
    [{ seed: 2 ** 32 }, 'KT_OPTION_INVALID', /whole number from 0/],
    [{ workers: 1 }, 'KT_OPTION_INVALID', /from 2 to 32/],
    [{ connectionString: 'host=x password=secret' }, 'KT_CONNECTION_INVALID', /^(?!.*secret)/],
    // A slip that JavaScript lets pass.
    [{ durations: '1m' }, 'KT_OPTION_UNKNOWN', /Did you mean "duration"\?/],
  ]
  it.each(wrong)('%j is refused', (options, code, message) => {
    expect(() => readTortureOptions(options)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    )
  })
})
