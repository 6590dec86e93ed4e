export * from './arch-image';
export * from './architecture-check';
export * from './target-architecture';
