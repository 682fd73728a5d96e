// Sets a process' clock off by CLOCK_OFFSET milliseconds: preloaded with --import, as no other process may notice.
const offset = Number(process.env['CLOCK_OFFSET'] ?? 0);
const RealDate = Date;

globalThis.Date = class extends RealDate {
  constructor(...given) {
    super(...(given.length === 0 ? [RealDate.now() + offset] : given));
  }

  static now() {
    return RealDate.now() + offset;
  }
};
