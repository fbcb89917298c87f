import { type FormEvent, useId, useState } from "react";
import { sentenceOf } from "../controls/sentence-of.ts";
import { Wordmark } from "../shell/Wordmark.tsx";
import "./connection.css";

/** Shown where the server wants an API key: keys are made on the server's own machine. */
export function SignIn({ onKey }: { onKey(key: string): Promise<void> }) {
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const id = useId();

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const key = String(new FormData(event.currentTarget).get("key") ?? "").trim();
    if (!key) return setProblem("Enter a key first.");
    setBusy(true);
    setProblem(null);
    await onKey(key).catch((error: unknown) => setProblem(sentenceOf(error)));
    setBusy(false);
  };

  return (
    <main className="sign-in">
      <form className="sign-in-form" onSubmit={submit} data-testid="sign-in">
        <Wordmark />
        <h1>This server asks for a key</h1>
        <p className="muted">
          Whoever runs it makes one with <code>npx patchbay keys create</code>. It stays in this browser as a
          cookie.
        </p>
        <label htmlFor={id}>API key</label>
        <input
          id={id}
          name="key"
          type="password"
          autoComplete="current-password"
          spellCheck={false}
          aria-invalid={problem !== null}
          aria-describedby={`${id}-problem`}
        />
        <p id={`${id}-problem`} className="problem" role="alert">
          {problem}
        </p>
        <button type="submit" className="button button-primary" disabled={busy}>
          Sign in
        </button>
      </form>
    </main>
  );
}
