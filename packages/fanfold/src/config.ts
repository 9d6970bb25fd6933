/** The settings file of a project: `fanfold.config.ts`. */

/** Every setting is optional; sizes and times may be texts such as `"64M"` and `"10m"`. */
export interface FanfoldConfig {
  /** URLs of the coordinators. */
  readonly coordinators?: readonly string[] | string;
  /** File with the cluster's token, relative to the settings file. */
  readonly tokenFile?: string;
  /** Authority that the cluster's certificates are signed by, and this side's own certificate and key: PEM files. */
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly reducers?: number;
  readonly splitSize?: number | string;
  readonly memory?: number | string;
  readonly maxAttempts?: number;
  /** Executor processes of `run`. */
  readonly workers?: number;
  readonly tempDir?: string;
  readonly quiet?: boolean;
  /** Of `fanfold coordinator` and `fanfold worker`, as their options are called. */
  readonly coordinator?: DaemonConfig;
  readonly worker?: DaemonConfig;
  /** Further settings, by the name that `fanfold config view` shows. */
  readonly [name: string]: unknown;
}

export interface DaemonConfig {
  readonly listen?: string;
  readonly dataDir?: string;
  readonly [name: string]: unknown;
}

/** Gives a settings file its types. */
export function defineConfig(config: FanfoldConfig): FanfoldConfig {
  return config;
}
