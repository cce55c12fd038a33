/** Ten years of zones in which clocks are changed: by an hour, by half of one, at midnight, in the month of fasting, by a day. */
export const ZONES = [
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'America/Santiago',
  'Africa/Casablanca',
] as const
export const FROM = Date.UTC(2017, 0, 1)
export const TO = Date.UTC(2027, 0, 1)

/** Crontab lines, in what graphile-worker reads and in what is added to that. */
export const LINES = [
  '* * * * *',
  '*/15 * * * *',
  '7 * * * *',
  '5,35 * * * *',
  '10-20/3 * * * *',
  '*/7 */5 * * *',
  '30 2 * * *',
  '*/10 2 * * *',
  '0 0 * * *',
  '0 3 * * *',
  '15 1,2,3 * * *',
  '30 0-4 * * *',
  '45 23 * * *',
  '59 0-23 * * *',
  '0 12 1 * *',
  '0 2 */5 * *',
  '0 6 * * 1-5',
  '0 6 * * MON-FRI',
  '30 2 * * 0',
  '30 2 * * 7',
  '0 4 * * FRI-SUN',
  '30 1 1,15 * 5',
  '0 0 13 * FRI',
  '* 2 * 3,10,11 SUN',
  '0 0 1 */3 *',
  '0 9 * JAN,JUL *',
  '0 0 29 2 *',
  '0 0 31 * *',
  '0 18 L * *',
  '30 2 L * *',
  '0 2 * * SUNL',
  '0 2 * * 1#2',
  '30 2 15,L 3-10 SUN#2,SUNL',
] as const
