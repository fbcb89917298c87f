/** A socket of the bay in its expert's colour (set by the surrounding `.expert`), with a plug in it or not. */
export function Jack({ size, plugged = false }: { size: number; plugged?: boolean }) {
  return (
    <svg className="jack" width={size} height={size} viewBox="0 0 24 24" fill="none" aria-hidden="true">
      <circle cx="12" cy="12" r="10" fill="var(--raised)" stroke="var(--expert)" strokeWidth="3" />
      <circle cx="12" cy="12" r={plugged ? 6 : 4} fill={plugged ? "var(--expert)" : "var(--jack-hole)"} />
    </svg>
  );
}
