"""Asks a Patchbay server through the official client and prints what came of it as one JSON object."""

import json
import sys
from typing import Annotated, Literal

import openai
import pydantic

client = openai.OpenAI(base_url=sys.argv[1], api_key="no-key-needed", max_retries=0)
QUESTION = [{"role": "user", "content": "I was charged twice, how do I get my money back?"}]
ASKED = {"model": "auto", "messages": QUESTION, "max_tokens": 16, "seed": 3}


class Mood(pydantic.BaseModel):
    mood: Literal["calm", "angry"]
    # Without a bound, a model may go on with a list until its tokens are used up.
    reasons: Annotated[list[Literal["price", "delay"]], pydantic.Field(max_length=2)]


def error_of(call, kind):
    try:
        call()
    except kind as error:
        return error
    return None


whole = client.chat.completions.create(**ASKED, logprobs=True, top_logprobs=2)
chunks = list(client.chat.completions.create(**ASKED, stream=True))
streamed = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
tokens = whole.choices[0].logprobs.content
parsed = client.chat.completions.parse(
    model="base", messages=QUESTION, response_format=Mood, max_tokens=200, temperature=0
)
bad = error_of(lambda: client.chat.completions.create(**ASKED, temperature=9), openai.BadRequestError)
missing = error_of(
    lambda: client.chat.completions.create(model="nobody", messages=QUESTION), openai.NotFoundError
)
no_embedder = error_of(
    lambda: client.embeddings.create(model="embedder", input="x"), openai.InternalServerError
)
print(
    json.dumps(
        {
            "models": whole.patchbay["version"] in [model.id for model in client.models.list()],
            "adapter": whole.patchbay["adapter"],
            "streamed_like_whole": streamed == whole.choices[0].message.content,
            "logprobs": all(len(token.top_logprobs) == 2 and token.logprob <= 0 for token in tokens),
            "mood": parsed.choices[0].message.parsed.mood in ("calm", "angry"),
            "not_found": missing.code,
            "bad_request": bad.param,
            "embeddings": no_embedder.code,
        }
    )
)
