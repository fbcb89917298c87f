/** Two jacks and the cable between them. */
export function Wordmark() {
  return (
    <span className="wordmark">
      <svg width="26" height="22" viewBox="0 0 26 22" fill="none" aria-hidden="true">
        <path d="M6 7 C6 23 20 23 20 7" stroke="var(--ink)" strokeWidth="2" strokeLinecap="round" />
        <circle cx="6" cy="6" r="4" fill="var(--paper)" stroke="var(--ink)" strokeWidth="2" />
        <circle cx="20" cy="6" r="4" fill="var(--paper)" stroke="var(--ink)" strokeWidth="2" />
      </svg>
      Patchbay
    </span>
  );
}
