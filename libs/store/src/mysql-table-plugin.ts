import {
  type CreateTableNode,
  type DataTypeNode,
  type KyselyPlugin,
  type OperationNode,
  OperationNodeTransformer,
  RawNode,
} from 'kysely'

const isText = (node: OperationNode): boolean => (node as DataTypeNode).dataType === 'text'

class TableTransformer extends OperationNodeTransformer {
  protected override transformCreateTable(node: CreateTableNode): CreateTableNode {
    const options = RawNode.createWithSql('engine=InnoDB default character set utf8mb4 collate utf8mb4_bin')
    const created = super.transformCreateTable(node)
    return { ...created, endModifiers: [...(created.endModifiers ?? []), options] }
  }

  // MySQL's `text` ends at 64 KB.
  protected override transformDataType(node: DataTypeNode): DataTypeNode {
    return isText(node) ? (RawNode.createWithSql('mediumtext') as unknown as DataTypeNode) : node
  }
}

const transformer = new TableTransformer()

/** Gives every new table the same engine and collation, whatever the server's or the database's default is. */
export const mysqlTablePlugin: KyselyPlugin = {
  transformQuery: ({ node }) => transformer.transformNode(node),
  transformResult: async ({ result }) => result,
}
