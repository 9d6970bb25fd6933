/** The Helm chart, rendered, holds what keeps a cluster alive; and the image is built the way it says. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { createProgram } from "../../packages/cli/src/program.js";
import { renderTemplate } from "./chart.js";

const load = createRequire(import.meta.url);
const docker = fileURLToPath(new URL("../../docker/", import.meta.url));
const chart = join(docker, "helm", "fanfold");

// biome-ignore lint/suspicious/noExplicitAny: Kubernetes objects of all kinds
type Kubernetes = any;

/** A class of `kubernetes-models`. */
type Model = new (object: object) => { validate(): void };

function rendered(file: string, change: (values: Kubernetes) => void = () => undefined): Kubernetes[] {
  const values: Kubernetes = parse(readFileSync(join(chart, "values.yaml"), "utf8"));
  change(values);
  const template = readFileSync(join(chart, "templates", file), "utf8");
  const text = renderTemplate(template, { Values: values, Release: { Name: "rel", Namespace: "ns" } });
  const documents = parseAllDocuments(text);
  for (const { errors } of documents) expect(errors).toEqual([]);
  return documents.map((document) => document.toJS() as Kubernetes).filter((each) => each !== null);
}

function kind(objects: readonly Kubernetes[], name: string): Kubernetes {
  return objects.find((each) => each.kind === name);
}

/** Every option that a container is started with is one of the verb's. */
function checkArguments(args: readonly string[]): void {
  const [verb = "", ...options] = args;
  const known = createProgram()
    .commands.find((command) => command.name() === verb)
    ?.options.map(({ long }) => long);
  for (const option of options) expect(known, option).toContain(option.split("=")[0]);
}

describe("the chart", () => {
  it("keeps a majority of coordinators on different hosts, each with its own disk", () => {
    const objects = rendered("coordinators.yaml");
    const set = kind(objects, "StatefulSet");
    const { template, replicas, volumeClaimTemplates, serviceName } = set.spec;
    expect(replicas).toBe(3);
    expect(volumeClaimTemplates[0].metadata.name).toBe("log");
    expect(kind(objects, "PodDisruptionBudget").spec.maxUnavailable).toBe(1);
    expect(kind(objects, "Service")).toMatchObject({
      metadata: { name: serviceName },
      spec: { clusterIP: "None", publishNotReadyAddresses: true },
    });
    const [rule] = template.spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution;
    expect(rule.labelSelector.matchLabels).toEqual(template.metadata.labels);
    const [container] = template.spec.containers;
    checkArguments(container.args);
    const peers = container.env.find((each: Kubernetes) => each.name === "PEERS").value.split(",");
    expect(peers).toHaveLength(3);
    expect(peers[2]).toBe("rel-coordinator-2=rel-coordinator-2.rel-coordinators.ns.svc.cluster.local:7101");
    expect(template.spec.securityContext.runAsNonRoot).toBe(true);
  });

  it("lets workers drain, and grows by the tasks that wait", () => {
    const fixed = rendered("workers.yaml");
    const { spec } = kind(fixed, "Deployment");
    expect(spec.replicas).toBe(4);
    expect(spec.template.spec.terminationGracePeriodSeconds).toBeGreaterThan(300);
    checkArguments(spec.template.spec.containers[0].args);
    expect(kind(fixed, "HorizontalPodAutoscaler")).toBeUndefined();

    const growing = rendered("workers.yaml", (values) => {
      values.workers.autoscaling.enabled = true;
    });
    expect(kind(growing, "Deployment").spec).not.toHaveProperty("replicas");
    const scaler = kind(growing, "HorizontalPodAutoscaler");
    expect(scaler.spec.scaleTargetRef.name).toBe(kind(growing, "Deployment").metadata.name);
    const metrics = readFileSync(join(docker, "../packages/monitor/src/metrics-list.ts"), "utf8");
    const { name } = scaler.spec.metrics[0].external.metric;
    expect(metrics).toContain(`"${name.replace(/^fanfold_/, "")}"`);
  });

  it("mounts what each container reads, and no secret that only coordinators need at workers", () => {
    for (const file of ["coordinators.yaml", "workers.yaml"]) {
      for (const { spec } of rendered(file).filter((each) => each.spec?.template !== undefined)) {
        const [container] = spec.template.spec.containers;
        const mounts = container.volumeMounts.map((each: Kubernetes) => each.mountPath);
        const paths = container.args.flatMap((each: string) => /=(\/\S+)$/.exec(each)?.[1] ?? []);
        for (const path of paths)
          expect(
            mounts.some((at: string) => path.startsWith(at)),
            path,
          ).toBe(true);
        const isWorker = container.name === "worker";
        expect(container.args.join(" ").includes("/door/secret")).toBe(!isWorker);
      }
    }
  });
});

describe("what the chart renders to", () => {
  const variants: Readonly<Record<string, (values: Kubernetes) => void>> = {
    "as it is": () => undefined,
    "growing, with a class of storage": (values) => {
      values.workers.autoscaling.enabled = true;
      values.coordinators.storageClass = "fast";
      values.coordinators.replicas = 5;
    },
  };
  const all = Object.entries(variants).flatMap(([variant, change]) =>
    ["coordinators.yaml", "workers.yaml"].flatMap((file) =>
      rendered(file, change).map((object) => ({ variant, object })),
    ),
  );

  it("is what Kubernetes' schemas take", () => {
    for (const { variant, object } of all) {
      const models = load(`kubernetes-models/${object.apiVersion}`) as Record<string, Model>;
      const model = models[object.kind] as Model;
      expect(() => new model(object).validate(), `${object.kind}, ${variant}`).not.toThrow();
      expect(() => new model({ ...object, spec: 7 }).validate()).toThrow();
    }
  });

  it("has no field that Kubernetes does not know: it would be refused, or be without effect", () => {
    const dir = join(docker, "..", ".fanfold", `chart-${process.pid}`);
    mkdirSync(dir, { recursive: true });
    const lines = all.map(({ object: { apiVersion, kind, ...rest } }, index) => {
      const text = JSON.stringify({ apiVersion, kind, ...rest });
      return `import type { I${kind} as T${index} } from "kubernetes-models/${apiVersion}";\nexport const o${index}: T${index} = ${text};\n`;
    });
    const options = {
      module: "nodenext",
      target: "es2023",
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      types: [],
    };
    const compiled = (text: string): string => {
      writeFileSync(join(dir, "chart.ts"), text);
      writeFileSync(
        join(dir, "tsconfig.json"),
        JSON.stringify({ compilerOptions: options, files: ["chart.ts"] }),
      );
      return spawnSync(join(docker, "../node_modules/.bin/tsc"), ["-p", dir], { encoding: "utf8" }).stdout;
    };
    try {
      expect(compiled(lines.join(""))).toBe("");
      const misspelled = lines
        .join("")
        .replace('"terminationGracePeriodSeconds"', '"terminationGraceSeconds"');
      expect(compiled(misspelled)).toContain("terminationGraceSeconds");
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});

describe("the Dockerfile", () => {
  it("builds in one stage and runs as nobody in particular in another", () => {
    const lines = readFileSync(join(docker, "Dockerfile"), "utf8").split("\n");
    const stages = lines.filter((line) => line.startsWith("FROM "));
    expect(stages).toHaveLength(2);
    const last = lines.slice(lines.lastIndexOf(stages[1] ?? ""));
    expect(last).toContain("USER node");
    expect(last.findIndex((line) => line.startsWith("USER"))).toBeLessThan(
      last.findIndex((line) => line.startsWith("ENTRYPOINT")),
    );
    expect(last.join("\n")).toMatch(/HEALTHCHECK .*CMD \["fanfold", "health"\]/);
  });
});
