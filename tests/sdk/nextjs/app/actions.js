"use server";

import { Client } from "@upstash/qstash";
import { headers } from "next/headers";

const client = new Client();

export async function startBackgroundJob() {
  const host = (await headers()).get("host");
  await client.publishJSON({ url: `http://${host}/api/long-task`, body: { hello: "world" } });
}
