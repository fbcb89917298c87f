import { Monitor, Moon, Sun } from "lucide-react";
import { type Theme, themes, useTheme } from "./use-theme.ts";

const icons = { light: Sun, system: Monitor, dark: Moon } as const;
const names: Record<Theme, string> = { light: "Light", system: "As the system", dark: "Dark" };

export function ThemeToggle() {
  const [theme, setTheme] = useTheme();
  return (
    <fieldset className="theme-toggle">
      <legend className="visually-hidden">Theme</legend>
      {themes.map((option) => {
        const Icon = icons[option];
        return (
          <label key={option} title={names[option]}>
            <input
              type="radio"
              name="theme"
              aria-label={names[option]}
              checked={theme === option}
              onChange={() => setTheme(option)}
            />
            <Icon size={15} aria-hidden />
          </label>
        );
      })}
    </fieldset>
  );
}
