import { useEffect, useState } from "react";

export const themes = ["light", "system", "dark"] as const;
export type Theme = (typeof themes)[number];

const KEY = "theme";

/** The chosen theme, kept in this browser; public/theme.js sets it before the first paint. */
export function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState(stored);

  useEffect(() => {
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // Storage can be forbidden; the choice then lasts as long as the page.
    }
  }, [theme]);

  return [theme, setTheme];
}

function stored(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return themes.find((theme) => theme === value) ?? "system";
  } catch {
    return "system";
  }
}
