// The same key and attribute as src/shell/use-theme.ts; a classic script, because modules run after the first paint.
try {
  const theme = localStorage.getItem("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage can be forbidden; the system's theme is used.
}
