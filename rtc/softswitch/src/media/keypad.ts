/** Rows and columns of the keypad, and their frequencies (ITU-T Q.23). */
export const keypad = ['123A', '456B', '789C', '*0#D']
export const keypadRowsHz = [697, 770, 852, 941]
export const keypadColumnsHz = [1209, 1336, 1477, 1633]
