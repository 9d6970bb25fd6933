/** Asks for the token, once a tab. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { restart } from "../live/news.js";
import { refusal, signIn } from "../live/session.js";

export function SignIn(): JSX.Element {
  const given = useSignal("");
  return (
    <main class="sign-in">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          signIn(given.value.trim());
          restart();
        }}
      >
        <h1>Fanfold</h1>
        <label>
          <span>The cluster's token</span>
          <input
            type="password"
            autocomplete="off"
            spellcheck={false}
            required
            value={given.value}
            onInput={(event) => {
              given.value = event.currentTarget.value;
            }}
          />
        </label>
        <button type="submit" class="primary">
          Open
        </button>
        {refusal.value !== "" && (
          <p class="bad" role="alert">
            {refusal.value}
          </p>
        )}
        <p class="note">
          It is kept for this tab alone, and sent to this cluster's coordinators only. On the machine that
          runs one it lies in <code>~/.config/fanfold/token</code>, unless <code>FANFOLD_TOKEN</code> or{" "}
          <code>--token-file</code> says otherwise.
        </p>
      </form>
    </main>
  );
}
