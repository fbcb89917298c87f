/** Everything a Slack app needs to be this bridge: https://docs.slack.dev/reference/app-manifest */
export const manifest = {
  display_information: {
    name: "Patchbay",
    description: "Every question finds its expert",
  },
  features: {
    app_home: { messages_tab_enabled: true, messages_tab_read_only_enabled: false },
    bot_user: { display_name: "Patchbay", always_online: true },
    slash_commands: [
      {
        command: "/patchbay",
        description: "Choose who answers you here",
        usage_hint: "pin support | unpin | experts | help",
        should_escape: false,
      },
    ],
  },
  oauth_config: {
    scopes: {
      bot: ["app_mentions:read", "chat:write", "commands", "im:history", "reactions:read"],
    },
  },
  settings: {
    event_subscriptions: { bot_events: ["app_mention", "message.im", "reaction_added", "reaction_removed"] },
    interactivity: { is_enabled: true },
    socket_mode_enabled: true,
  },
} as const;
