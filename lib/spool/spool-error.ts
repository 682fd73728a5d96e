/** The spool cannot be opened where it should be. The message says what to do. */
export class SpoolError extends Error {
  override name = 'SpoolError';
  /** The file system's own code, such as `EACCES` or `ENOSPC`; `SPOOL` where there is none. */
  readonly code: string;

  constructor(problem: string, cause?: unknown) {
    const { code = 'SPOOL', message } = (cause ?? {}) as NodeJS.ErrnoException;
    super(
      `the spool cannot be used: ${problem}${message ? ` (${message})` : ''}. ` +
        'Set DATA_DIR to a folder of a local disk that this process may write, or SPOOL_MAX=0 to do without a spool.',
      { cause },
    );
    this.code = code;
  }
}
