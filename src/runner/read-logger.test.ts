import { Writable } from 'node:stream'
import { Console } from 'node:console'
import pino from 'pino'
import { afterEach, describe, expect, it, vi } from 'vitest'
import winston from 'winston'
import { consoleLogger } from './console-logger.ts'
import { readLogger } from './read-logger.ts'

afterEach(() => void vi.restoreAllMocks())

const LEVELS = ['debug', 'info', 'warn', 'error'] as const

/** Everything that was written, line by line. */
class Lines extends Writable {
  readonly #chunks: string[] = []

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#chunks.push(chunk.toString())
    done()
  }

  get lines(): string[] {
    return this.#chunks.join('').trimEnd().split('\n')
  }

  get objects(): unknown[] {
    return this.lines.map((line): unknown => JSON.parse(line))
  }
}

const fields = { jobId: '7', attempt: 2 }

describe("somebody's logger", () => {
  it('may be pino: fields are properties of the line, the message is its msg', () => {
    const out = new Lines()
    const logger = readLogger(pino({ level: 'debug' }, out))
    for (const level of LEVELS) logger[level](`${level}!`, fields)
    logger.info('alone')
    expect(out.objects).toEqual([
      expect.objectContaining({ level: 20, msg: 'debug!', ...fields }),
      expect.objectContaining({ level: 30, msg: 'info!', ...fields }),
      expect.objectContaining({ level: 40, msg: 'warn!', ...fields }),
      expect.objectContaining({ level: 50, msg: 'error!', ...fields }),
      expect.objectContaining({ level: 30, msg: 'alone' }),
    ])
  })

  it('may be a child of pino, which keeps its own fields', () => {
    const out = new Lines()
    readLogger(pino({}, out).child({ service: 'mail' })).info('sent', fields)
    expect(out.objects).toEqual([expect.objectContaining({ msg: 'sent', service: 'mail', ...fields })])
  })

  it('may be pino, which shows an error whole under a name of its own, unless it is told how', () => {
    const error = new Error('no such host')
    const [by, told] = [new Lines(), new Lines()]
    readLogger(pino({}, by)).warn('not sent', { error, attempt: 2 })
    expect(by.objects).toEqual([
      expect.objectContaining({ attempt: 2, err: expect.objectContaining({ message: 'no such host' }) }),
    ])
    readLogger(pino({ serializers: { error: String } }, told)).warn('not sent', { error })
    expect(told.objects).toEqual([expect.objectContaining({ error: 'Error: no such host' })])
  })

  it('may be winston: fields are properties of the line, the message is its message', () => {
    const out = new Lines()
    const transports = [new winston.transports.Stream({ stream: out })]
    const logger = readLogger(winston.createLogger({ level: 'debug', transports }))
    for (const level of LEVELS) logger[level](`${level}!`, fields)
    logger.info('alone')
    expect(out.objects).toEqual([
      ...LEVELS.map((level) => ({ level, message: `${level}!`, ...fields })),
      { level: 'info', message: 'alone' },
    ])
  })

  it('may be a console: the message, then the fields', () => {
    const [out, errors] = [new Lines(), new Lines()]
    const logger = readLogger(new Console(out, errors))
    for (const level of LEVELS) logger[level](`${level}!`, fields)
    logger.info('alone')
    expect(out.lines).toEqual([
      "debug! { jobId: '7', attempt: 2 }",
      "info! { jobId: '7', attempt: 2 }",
      'alone',
    ])
    expect(errors.lines).toEqual(["warn! { jobId: '7', attempt: 2 }", "error! { jobId: '7', attempt: 2 }"])
  })

  it('is called as its method, so that it may use `this`', () => {
    class Own {
      readonly said: unknown[] = []
      debug(...parts: unknown[]): void {
        this.said.push(['debug', ...parts])
      }
      info(...parts: unknown[]): void {
        this.said.push(['info', ...parts])
      }
      warn(...parts: unknown[]): void {
        this.said.push(['warn', ...parts])
      }
      error(...parts: unknown[]): void {
        this.said.push(['error', ...parts])
      }
    }
    const own = new Own()
    const logger = readLogger(own)
    logger.info('alone')
    logger.error('no', fields)
    expect(own.said).toEqual([
      ['info', 'alone'],
      ['error', 'no', fields],
    ])
  })

  it('that throws harms nobody, and the process is told', () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const broken = (): never => {
      throw new Error('disk full')
    }
    const logger = readLogger({ debug: broken, info: broken, warn: broken, error: broken })
    for (const level of LEVELS) logger[level]('x', fields)
    logger.info('alone')
    expect(warn.mock.calls).toEqual(Array.from({ length: 5 }, () => ["KongTask's logger threw: disk full"]))
  })

  const log = (): void => undefined

  it.each<readonly [string, unknown]>([
    ['null', null],
    ['text', 'pino'],
    ['a function', log],
    ['true', true],
    ['an empty object', {}],
    ['one without debug', { info: log, warn: log, error: log }],
    ['one whose error is no function', { debug: log, info: log, warn: log, error: 'error' }],
  ])('is refused where it is none: %s', (_, value) => {
    expect(() => readLogger(value)).toThrow(
      expect.objectContaining({
        name: 'KongTaskError',
        code: 'KT_OPTION_INVALID',
        message: expect.stringContaining('debug, info, warn, error'),
      }),
    )
  })
})

describe('the logger where none is given', () => {
  it('writes a line each, without debug, trouble to standard error', () => {
    const out: string[] = []
    const errors: string[] = []
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => out.push(String(text)) > 0)
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => errors.push(String(text)) > 0)
    consoleLogger.debug('never')
    consoleLogger.info('started', { worker: 4, queues: ['a b'], name: 'mail', text: 'two words' })
    consoleLogger.warn('alone')
    consoleLogger.error('failed', {
      error: Object.assign(new Error('x'), { stack: 'Error: x\n  at y' }),
      n: 1n,
    })
    vi.restoreAllMocks()
    expect(out).toEqual([
      expect.stringMatching(/^\S+Z info {2}started worker=4 queues=\["a b"\] name=mail text="two words"\n$/),
    ])
    expect(errors).toEqual([
      expect.stringMatching(/^\S+Z warn {2}alone\n$/),
      expect.stringMatching(/^\S+Z error failed error="Error: x\\n {2}at y" n=\[unprintable\]\n$/),
    ])
  })
})
