// An MDF object as a customer would define it; all else of the end is SAP's.
service SuccessFactors {
  entity cust_Redemption {
    key externalCode : String(36);
    cust_version     : Int64 not null;
    cust_status      : String(20) not null @assert.range enum { open; held; confirmed; reversed; reinstated };
    cust_points      : Int64 not null;
    cust_partner     : String(64);
    cust_redeemedAt  : Timestamp;
    cust_reversedAt  : Timestamp;
  }
}
