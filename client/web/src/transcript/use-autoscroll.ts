import { type RefObject, useCallback, useEffect, useRef, useState } from "react";

/** So close to the end counts as reading along, in px. */
const NEAR = 64;

export interface Autoscroll {
  scroller: RefObject<HTMLDivElement | null>;
  content: RefObject<HTMLDivElement | null>;
  atEnd: boolean;
  toEnd(): void;
}

/**
 * Follows a growing conversation while the reader is at its end; once they scroll up, their place is left alone.
 * @param empty whether the first page is shown instead, which is read from its top
 */
export function useAutoscroll(conversationId: string | null, empty: boolean): Autoscroll {
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const following = useRef(true);
  const [atEnd, setAtEnd] = useState(true);

  const toEnd = useCallback(() => {
    following.current = true;
    setAtEnd(true);
    scroller.current?.scrollTo({ top: scroller.current.scrollHeight });
  }, []);

  useEffect(() => {
    const box = scroller.current;
    const grown = content.current;
    if (!box || !grown) return;
    const onScroll = () => {
      following.current = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR;
      setAtEnd(following.current);
    };
    const observer = new ResizeObserver(() => following.current && box.scrollTo({ top: box.scrollHeight }));
    observer.observe(grown);
    observer.observe(box);
    box.addEventListener("scroll", onScroll, { passive: true });
    return () => {
      observer.disconnect();
      box.removeEventListener("scroll", onScroll);
    };
  }, []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another conversation opens at its end.
  useEffect(() => {
    if (!empty) return toEnd();
    following.current = false;
    scroller.current?.scrollTo({ top: 0 });
  }, [conversationId, empty, toEnd]);

  return { scroller, content, atEnd, toEnd };
}
