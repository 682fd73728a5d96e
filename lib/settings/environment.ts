/** The only module that reads the environment. Everything else is handed what it needs. */
export const environment: Readonly<Record<string, string | undefined>> = process.env;
