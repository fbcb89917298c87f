/** From the expert's jack to its answer; hanging loose while nobody has been chosen. */
export function Cable({ plugged }: { plugged: boolean }) {
  return (
    <svg className="cable" width="50" height="26" viewBox="2 0 50 26" fill="none" aria-hidden="true">
      {plugged ? (
        <>
          <path
            d="M10 12 C 19 27, 34 27, 43 12"
            stroke="var(--expert)"
            strokeWidth="2.5"
            strokeLinecap="round"
          />
          <circle cx="10" cy="12" r="7" fill="var(--paper)" stroke="var(--expert)" strokeWidth="2.5" />
          <circle cx="10" cy="12" r="3.5" fill="var(--expert)" />
          <rect x="41" y="8" width="10" height="7" rx="2" fill="var(--expert)" />
        </>
      ) : (
        <>
          <circle cx="10" cy="12" r="7" stroke="var(--line-strong)" strokeWidth="2" strokeDasharray="3 3" />
          <path
            d="M51 11 H 43 C 33 11, 35 23, 27 23"
            stroke="var(--line-strong)"
            strokeWidth="2"
            strokeLinecap="round"
          />
        </>
      )}
    </svg>
  );
}
