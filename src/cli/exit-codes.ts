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
  /** Ctrl-C. What was begun was taken back. */
  interrupted: 130,
  /** SIGTERM, likewise. */
  terminated: 143,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

export const EXIT_CODES_HELP = `Exit codes:
  0    done
  1    it could not be done; the error says why
  2    the command line or the configuration is wrong; nothing was done
  3    it was done, and what it examined is not as it should be
  130  interrupted (143: terminated); what was begun was taken back`
