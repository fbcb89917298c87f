/** Said plainly, because an answer that forgot the beginning is otherwise a riddle. */
export function DroppedTurns({ count }: { count: number }) {
  if (count === 0) return null;
  return (
    <p className="aside" data-testid="dropped">
      {count === 1
        ? "The oldest message no longer fits and was left out."
        : `The oldest ${count} messages no longer fit and were left out.`}
    </p>
  );
}
