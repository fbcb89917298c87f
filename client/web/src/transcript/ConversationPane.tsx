import { useEffect } from "react";
import { streaming } from "../../../sdk/index.ts";
import { PatchBay } from "../bay/PatchBay.tsx";
import { Composer } from "../composer/Composer.tsx";
import { useComposer } from "../composer/use-composer.ts";
import { ConnectionLine } from "../connection/ConnectionLine.tsx";
import { usePatchbay } from "../connection/patchbay-context.ts";
import { useConversationList } from "../conversations/conversations-context.ts";
import { Header } from "../shell/Header.tsx";
import { Announcer } from "./Announcer.tsx";
import { JumpToEnd } from "./JumpToEnd.tsx";
import { LoadProblem } from "./LoadProblem.tsx";
import { newestAnswer } from "./newest-answer.ts";
import { OpenProvider } from "./open-context.ts";
import { TranscriptView } from "./TranscriptView.tsx";
import { useAutoscroll } from "./use-autoscroll.ts";
import { useOpenConversation } from "./use-open-conversation.ts";
import "./transcript.css";

interface Props {
  conversationId: string | null;
  onNew(): void;
  onMenu?: () => void;
}

export function ConversationPane({ conversationId, onNew, onMenu }: Props) {
  const { client } = usePatchbay();
  const list = useConversationList();
  const { open, transcript, problem } = useOpenConversation(client, conversationId);

  const conversation = list.find(conversationId) ?? transcript?.conversation ?? null;
  const empty = conversationId === null || transcript?.messages.size === 0;
  const { scroller, content, atEnd, toEnd } = useAutoscroll(conversationId, empty);
  const composer = useComposer(conversationId, open, toEnd);
  const running = transcript && newestAnswer(transcript, streaming(transcript));
  useDocumentTitle(conversation?.title);

  return (
    <main className="pane">
      <Header conversation={conversation} onNew={onNew} {...(onMenu && { onMenu })} />
      <div className="scroller" ref={scroller} data-testid="scroller">
        <div className="scrolled" ref={content}>
          {empty && <PatchBay onAsk={composer.submit} />}
          {open && transcript && !empty && (
            <OpenProvider value={open}>
              <TranscriptView transcript={transcript} />
              <Announcer transcript={transcript} />
            </OpenProvider>
          )}
          {problem && !transcript && <LoadProblem problem={problem} />}
        </div>
      </div>
      <div className="dock">
        {!atEnd && !empty && <JumpToEnd onJump={toEnd} />}
        <div className="dock-box">
          <div className="dock-column">
            <ConnectionLine />
            <Composer
              composer={composer}
              onStop={open && running ? () => open.stop(running.generationId) : null}
            />
          </div>
        </div>
      </div>
    </main>
  );
}

function useDocumentTitle(title: string | undefined): void {
  useEffect(() => {
    document.title = title ? `${title} · Patchbay` : "Patchbay";
  }, [title]);
}
