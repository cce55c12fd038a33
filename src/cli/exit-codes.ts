/** What the process of a command ends with. The help lists them. */
export const EXIT = {
  /** Done. */
  done: 0,
  /** It could not be done; the error says why. */
  failed: 1,
  /** The command line or the configuration is wrong; nothing was done. */
  usage: 2,
  /** It was done, and what it examined is not as it should be. */
  unwell: 3,
  /** Ctrl-C, and it has ended in good order; the help of the command says what stays. */
  interrupted: 130,
  /** What it prints cannot be written any more, and it has ended in good order. What only prints ends with 0. */
  unheard: 141,
  /** SIGTERM, as Ctrl-C. */
  terminated: 143,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

export const EXIT_CODES_HELP = `Exit codes:
  0    done
  1    it could not be done; the error says why
  2    the command line or the configuration is wrong; nothing was done
  3    it was done, and what it examined is not as it should be
  130  interrupted (143: terminated, 141: its output was closed), in good order`
