import { X } from "lucide-react";
import { createContext, type ReactNode, useCallback, useContext, useEffect, useState } from "react";
import { IconButton } from "./IconButton.tsx";
import { sentenceOf } from "./sentence-of.ts";

const SHOWN_MS = 8_000;
const Context = createContext<(error: unknown) => void>(() => undefined);

/** Tells the person about something that failed and has no place of its own on the page. */
export const useReport = () => useContext(Context);

/** Runs what a button starts; a failure is told. */
export function useAct(): (action: () => Promise<unknown>) => void {
  const report = useReport();
  return useCallback((action) => void action().catch(report), [report]);
}

export function ReportProvider({ children }: { children: ReactNode }) {
  const [problem, setProblem] = useState<{ sentence: string } | null>(null);
  const report = useCallback((error: unknown) => setProblem({ sentence: sentenceOf(error) }), []);

  useEffect(() => {
    if (!problem) return;
    const timer = setTimeout(() => setProblem(null), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [problem]);

  return (
    <Context.Provider value={report}>
      {children}
      <div className="report" role="alert">
        {problem && (
          <div className="report-card">
            <p>{problem.sentence}</p>
            <IconButton icon={X} label="Dismiss" onClick={() => setProblem(null)} />
          </div>
        )}
      </div>
    </Context.Provider>
  );
}
