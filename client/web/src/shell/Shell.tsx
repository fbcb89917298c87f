import { useCallback, useEffect, useMemo, useState } from "react";
import { COMPOSER_ID, focusComposer } from "../composer/focus-composer.ts";
import { usePatchbay } from "../connection/patchbay-context.ts";
import { ConversationsProvider } from "../conversations/conversations-context.ts";
import { useConversations } from "../conversations/use-conversations.ts";
import { ConversationPane } from "../transcript/ConversationPane.tsx";
import { Drawer } from "./Drawer.tsx";
import { HelpDialog } from "./HelpDialog.tsx";
import { Sidebar } from "./Sidebar.tsx";
import { navigate, pathOf, useConversationId } from "./use-location.ts";
import { NARROW, useMediaQuery } from "./use-media-query.ts";
import { useShortcuts } from "./use-shortcuts.ts";
import { useViewportHeight } from "./use-viewport-height.ts";
import "./shell.css";

export function Shell() {
  const { client } = usePatchbay();
  const conversationId = useConversationId();
  const narrow = useMediaQuery(NARROW);
  const [overlay, setOverlay] = useState<"drawer" | "help" | null>(null);
  const closeOverlay = useCallback(() => setOverlay(null), []);

  const onDeleted = useCallback(
    (id: string) => location.pathname === pathOf(id) && navigate("/", "replace"),
    [],
  );
  const list = useConversations(client, onDeleted);

  const newConversation = useCallback(() => {
    setOverlay(null);
    navigate("/");
    focusComposer();
  }, []);
  const help = useCallback(() => setOverlay("help"), []);
  useShortcuts(useMemo(() => ({ newConversation, focusComposer, help }), [newConversation, help]));
  useViewportHeight();

  // Choosing a conversation is done with the drawer.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the changed address is the reason to close.
  useEffect(closeOverlay, [conversationId]);

  const sidebar = { onNew: newConversation, onHelp: help };
  return (
    <ConversationsProvider value={list}>
      <div className="shell">
        <a className="skip-link visually-hidden" href={`#${COMPOSER_ID}`}>
          Skip to the message field
        </a>
        {!narrow && <Sidebar {...sidebar} />}
        <ConversationPane
          conversationId={conversationId}
          onNew={newConversation}
          {...(narrow && { onMenu: () => setOverlay("drawer") })}
        />
        {narrow && overlay === "drawer" && (
          <Drawer onClose={closeOverlay}>
            <Sidebar {...sidebar} onClose={closeOverlay} />
          </Drawer>
        )}
        {overlay === "help" && <HelpDialog onClose={closeOverlay} />}
      </div>
    </ConversationsProvider>
  );
}
