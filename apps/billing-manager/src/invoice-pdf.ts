import { buffer } from 'node:stream/consumers'
import type { Invoice } from '@sidetone/proto-schemas/billing'
import PDFDocument from 'pdfkit'

const columns = [
  { title: 'What', x: 50, width: 200 },
  { title: 'Count', x: 250, width: 60 },
  { title: 'Units', x: 310, width: 60 },
  { title: 'Tokens', x: 370, width: 75 },
  { title: 'US dollars', x: 445, width: 100 },
] as const
const rowHeight = 18
const lastRowY = 740

/** Micros as US dollars, to the last of them. */
export function dollars(micros: number): string {
  const digits = String(Math.abs(micros)).padStart(7, '0')
  return `${micros < 0 ? '-' : ''}${digits.slice(0, -6)}.${digits.slice(-6)}`
}

/** An invoice on A4. */
export async function invoicePdf(
  { id, period, opening_credit, closing_credit, lines, tm_create }: Invoice,
  name: string,
) {
  const document = new PDFDocument({ size: 'A4', margin: 50, info: { Title: `Invoice ${period}` } })
  const bytes = buffer(document)
  document.fontSize(20).text(`Invoice ${period}`)
  document
    .fontSize(9)
    .text(`${name ? `${name}\n` : ''}No. ${id}\nMade on ${tm_create.slice(0, 10)}`)
    .moveDown(2)

  let y = document.y
  const row = (cells: readonly string[]): void => {
    if (y > lastRowY) {
      document.addPage()
      y = 50
    }
    for (const [index, { x, width }] of columns.entries()) {
      document.text(cells[index] ?? '', x, y, { width, align: index === 0 ? 'left' : 'right', lineBreak: false })
    }
    y += rowHeight
  }
  document.font('Helvetica-Bold')
  row(columns.map(({ title }) => title))
  document.font('Helvetica')
  row(['Opening balance', '', '', '', dollars(opening_credit)])
  for (const line of lines) {
    const what = line.cost_type || line.reference_type
    const { count, billable_units, amount_token, amount_credit } = line
    const numbers = [String(count), String(billable_units), String(amount_token), dollars(amount_credit)]
    row([what.replaceAll('_', ' '), ...numbers])
  }
  document.font('Helvetica-Bold')
  row(['Closing balance', '', '', '', dollars(closing_credit)])
  document.end()
  return bytes
}
