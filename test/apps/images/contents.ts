import { type App, Stack } from 'aws-cdk-lib';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { archive, type ImageSpec, program } from '../archive.ts';
import { checkedApp } from '../checked-app.ts';

const shell = program('amd64');
const passwd = 'root:x:0:0:root:/root:/bin/sh\n';
const loader = '/lib/ld-musl-x86_64.so.1';
const module = 'srv/node_modules/bcrypt/bcrypt.node';

/** A task for x86-64 with an image that was saved to a file. */
function service(name: string, image: Partial<ImageSpec>, container: Partial<ecs.ContainerDefinitionOptions> = {}) {
  const file = archive(name, { architecture: 'amd64', entrypoint: ['/server'], files: {}, ...image });
  return (app: App) => {
    const stack = new Stack(app, 'Shop');
    const taskDefinition = new ecs.FargateTaskDefinition(stack, 'Task', {
      runtimePlatform: { cpuArchitecture: ecs.CpuArchitecture.X86_64 },
    });
    taskDefinition.addContainer('server', { image: ecs.ContainerImage.fromTarball(file), ...container });
    new ecs.FargateService(stack, 'Service', { cluster: new ecs.Cluster(stack, 'Cluster'), taskDefinition });
  };
}

const server = { container: 'server', runsOn: ['linux/amd64'] } as const;
const fails = (rule: string) => [{ ...server, verdict: 'fails', rules: [rule] }] as const;
const atRisk = (rule: string) => [{ ...server, verdict: 'at-risk', rules: [rule] }] as const;
const runs = [{ ...server, verdict: 'runs', imagePlatforms: ['linux/amd64'] }] as const;

export default checkedApp({
  title: 'images whose label is right, and whose files decide whether they start',
  variants: {
    'fails with a script in front whose program is for another processor': {
      build: service('started-by-script', {
        files: { server: '#!/bin/sh\nexec app\n', 'bin/sh': program('arm64'), 'bin/app': shell },
      }),
      expect: fails('interpreter-foreign-architecture'),
    },
    'runs with a script in front': {
      build: service('with-script', { files: { server: '#!/bin/sh\nexec app\n', 'bin/sh': shell } }),
      expect: runs,
    },
    'fails with an entrypoint for another processor among others': {
      build: service(
        'two-programs',
        { files: { server: program('amd64'), 'bin/sh': shell, helper: program('arm64') } },
        { entryPoint: ['/helper'] },
      ),
      expect: fails('entrypoint-foreign-architecture'),
    },
    'fails with an entrypoint that may not be executed': {
      build: service('not-executable', { files: { server: { data: program('amd64'), mode: 0o644 } } }),
      expect: fails('entrypoint-not-executable'),
    },
    'fails with an entrypoint that is not there': {
      build: service('not-found', { files: { serve: program('amd64') } }),
      expect: fails('entrypoint-not-found'),
    },
    'fails with an interpreter that is not there': {
      build: service('no-interpreter', { files: { server: '#!/bin/bash\n', 'bin/sh': shell } }),
      expect: fails('interpreter-missing'),
    },
    'is at risk with a module of another processor': {
      build: service('foreign-module', { files: { server: shell, [module]: program('arm64') } }),
      expect: atRisk('library-foreign-architecture'),
    },
    'runs with a module of its own processor': {
      build: service('own-module', { files: { server: shell, [module]: program('amd64') } }),
      expect: runs,
    },
    'fails with a loader for another processor': {
      build: service('foreign-loader', {
        files: { server: program('amd64', { loader }), [loader.slice(1)]: program('arm64') },
      }),
      expect: fails('loader-foreign-architecture'),
    },
    'fails with a loader that is not there': {
      build: service('no-loader', { files: { server: program('amd64', { loader }) } }),
      expect: fails('loader-missing'),
    },
    'is at risk with a program for the newest processors': {
      build: service('level-4', { files: { server: program('amd64', { level: 4 }) } }),
      expect: atRisk('cpu-level-too-high'),
    },
    'runs with a program for processors of the last ten years': {
      build: service('level-3', { files: { server: program('amd64', { level: 3 }) } }),
      expect: runs,
    },
    'fails with a script that begins with a byte order mark': {
      build: service('byte-order-mark', { files: { server: '\ufeff#!/bin/sh\n', 'bin/sh': shell } }),
      expect: fails('script-byte-order-mark'),
    },
    'fails with a script whose lines end as on Windows': {
      build: service('carriage-return', { files: { server: '#!/bin/sh\r\n', 'bin/sh': shell } }),
      expect: fails('script-carriage-return'),
    },
    'fails with a script without a first line': {
      build: service('no-shebang', { files: { server: 'exec app\n', 'bin/sh': shell } }),
      expect: fails('script-missing-shebang'),
    },
    'fails with a user whom nobody knows': {
      build: service('no-user', { files: { server: shell, 'etc/passwd': passwd }, user: 'app' }),
      expect: fails('user-not-found'),
    },
    'runs with a user who is known': {
      build: service('user', {
        files: { server: shell, 'etc/passwd': `${passwd}app:x:1000:1000::/:/bin/sh\n` },
        user: 'app',
      }),
      expect: runs,
    },
    'fails with a working directory that is a file': {
      build: service('file-as-directory', { files: { server: shell, srv: 'text' }, workingDirectory: '/srv' }),
      expect: fails('working-directory-unusable'),
    },
    'runs with a working directory that is made on the way': {
      build: service('new-directory', { files: { server: shell }, workingDirectory: '/srv' }),
      expect: runs,
    },
  },
});
