// The shape of every app in this folder: CDK code, and the verdicts that `ecs-arch check` has to reach on it.
import { fileURLToPath } from 'node:url';
import type { App, AppProps } from 'aws-cdk-lib';

/** A folder with a Dockerfile that builds on any platform. Nothing here builds it. */
export const dockerContext = fileURLToPath(new URL('./docker-context', import.meta.url));

/** One small CDK app in a wrong and in a right edition, and in others where they teach something. */
export interface CheckedApp {
  /** What goes wrong in `fails`, as one sentence. */
  readonly title: string;
  readonly variants: { readonly fails: Variant; readonly runs: Variant; readonly [name: string]: Variant };
}

export interface Variant {
  /** Fills the app, as the file in `bin/` of a CDK project does. */
  build(app: App): void;
  /** Every container of the app: no other may be reported, none may be missing. */
  readonly expect: readonly Expectation[];
  /** The rules of the errors that concern no container, where the app is about them. */
  readonly apart?: readonly string[];
  /** What the person gives to `new App()`: a synthesizer, context. Context set here holds under every set of feature flags. */
  readonly app?: AppProps;
}

export type Verdict = 'fails' | 'at-risk' | 'runs' | 'unknown';

/** What is known of one container of one task definition. Facts left out are not asserted, but for `rules`. */
export interface Expectation {
  readonly container: string;
  /** Construct path of the task definition, or the start of it. Needed where two tasks have a container of that name. */
  readonly task?: string;
  readonly verdict: Verdict;
  /** The rules of the findings that concern this container, exactly. By default none; say so where there are any. */
  readonly rules?: readonly string[];
  /** Construct path of the stack. */
  readonly stack?: string;
  /** Logical id, for resources that have no construct path. */
  readonly resource?: string;
  readonly imagePlatforms?: readonly string[] | null;
  readonly runsOn?: readonly string[] | null;
  readonly why?: RegExp;
}

/** The identity, for its type. */
export function checkedApp(app: CheckedApp): CheckedApp {
  return app;
}
