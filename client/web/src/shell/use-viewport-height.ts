import { useEffect } from "react";

/**
 * Keeps --app-height at what is really visible. 100dvh alone does not shrink for the on-screen keyboard of iOS,
 * which would then cover the composer.
 */
export function useViewportHeight(): void {
  useEffect(() => {
    const viewport = window.visualViewport;
    if (!viewport) return;
    const adopt = () => {
      // Pinched in, the visible part is a detail of the page and not its size.
      if (viewport.scale > 1.01) return;
      document.documentElement.style.setProperty("--app-height", `${viewport.height}px`);
      window.scrollTo(0, 0);
    };
    adopt();
    viewport.addEventListener("resize", adopt);
    return () => viewport.removeEventListener("resize", adopt);
  }, []);
}
