// The font of labels: the shipped one, whatever the system has.
export const FONT = ["Noto Sans SC"];
