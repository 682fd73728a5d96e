/** Markup in tagged templates. What is put into it becomes text or attributes, never HTML. */
import htm from 'htm';
import { h, type ComponentChild, type VNode } from 'preact';

export type Child = ComponentChild;

export const html = htm.bind(h) as (strings: TemplateStringsArray, ...values: unknown[]) => VNode;
